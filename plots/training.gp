# training.gp - quantities (a panel each) over epochs, a line per model, a band of one standard
# deviation over seeds.

HERE = ARG0[1:strlen(ARG0) - strlen("training.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

quantities = ""; names = ""; last = 0; spread = 0; longest = 0
stats DATA using (quantities = listed(quantities, strcol("quantity")), names = listed(names, strcol("model")), \
                  last = greater(last, column("epoch")), spread = greater(spread, column("std")), \
                  longest = greater(longest, strlen(strcol("model"))), 0) nooutput
PANELS = words(quantities); MODELS = words(names)

KEYS = keys_of(MODELS, fitting(MODELS, longest)); LINES = lines_of(MODELS, KEYS)
PANEL = 2.6; GAP = 0.45; BOTTOM = 1.1 + 0.36 * LINES; TOP = 0.45
HEIGHT = TOP + PANELS * PANEL + (PANELS - 1) * GAP + BOTTOM
load HERE."open.gp"

# Names of quantities, and on what scale: logarithmic where its curves span more than a factor of 30.
array LOW[PANELS]; array HIGH[PANELS]; array SPAN[PANELS]
do for [i = 1:PANELS] {
    low = 1e300; high = -1e300; least = 1e300; most = -1e300
    stats DATA using (strcol("quantity") eq word(quantities, i) ? (low = lesser(low, column("value") - column("std")), \
                      high = greater(high, column("value") + column("std")), \
                      least = lesser(least, column("value")), most = greater(most, column("value")), 0) : 0) nooutput
    LOW[i] = low; HIGH[i] = high; SPAN[i] = least > 0 ? most / least : 1
}
spoken(s) = s eq "gradient_norm" ? "norm of the input gradient" : s eq "val_acc" ? says("validation accuracy (%)") : swapped(s, "_", " ")

set multiplot
set lmargin at screen 1.4 / WIDTH
set rmargin at screen 1 - 0.25 / WIDTH
set xrange [1 - 0.03 * (last - 1):last + 0.03 * (last - 1)]
set xtics greater(1, step_for(last, 8))
set style fill transparent solid 0.25 noborder
do for [i = 1:PANELS] {
    set tmargin at screen 1 - (TOP + (i - 1) * (PANEL + GAP)) / HEIGHT
    set bmargin at screen 1 - (TOP + (i - 1) * (PANEL + GAP) + PANEL) / HEIGHT
    set label 1 spoken(word(quantities, i)) at graph 0, graph 1 left offset 0, 0.6 textcolor rgb "#000000"
    set format x (i < PANELS ? "" : NUMBER)
    if (i == PANELS) {
        set label 8 "epoch" at graph 0.5, screen (BOTTOM - 0.75) / HEIGHT center textcolor rgb INK
        load HERE."legend.gp"
    }
    unset logscale y
    set ytics autofreq
    if (LOW[i] > 0 && SPAN[i] > 30) { set logscale y } else { if (HIGH[i] > LOW[i]) { set ytics step_for(HIGH[i] - LOW[i], 4) } }
    what = word(quantities, i)
    plot for [m = 1:spread > 0 ? MODELS : 0] DATA using (strcol("quantity") eq what && strcol("model") eq word(names, m) ? column("epoch") : NaN):\
                 (column("value") - column("std")):(column("value") + column("std")) with filledcurves linecolor rgb COLOUR[(m - 1) % 7 + 1], \
         for [m = 1:MODELS] DATA using (strcol("quantity") eq what && strcol("model") eq word(names, m) ? column("epoch") : NaN):\
                 (column("value")) with linespoints linestyle (m - 1) % 14 + 1
}
unset multiplot
