# sharpness.gp - the largest rise of the loss (lines; bands: from the least to the largest that a
# search has found; thin: after one step along the gradient) over the radius, a panel per set.

HERE = ARG0[1:strlen(ARG0) - strlen("sharpness.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

names = ""; sets = ""; longest = 0; least = 1e300; most = 0; first = 1e300; last = 0; radii = ""
stats DATA using (names = listed(names, strcol("model")), sets = listed(sets, strcol("set")), \
                  longest = greater(longest, strlen(strcol("model"))), last = greater(last, column("rho")), \
                  first = column("rho") > 0 ? lesser(first, column("rho")) : first, \
                  radii = column("rho") > 0 ? listed(radii, strcol("rho")) : radii, \
                  most = greater(most, column("sharpness")), \
                  least = column("low") > 0 ? lesser(least, column("low")) : least, 0) nooutput
SETS = words(sets); MODELS = words(names)
STEEP = most > 30 * least # logarithmic, then: radius zero has no place

KEYS = keys_of(MODELS, fitting(MODELS, longest)); LINES = lines_of(MODELS, KEYS)
PANEL = 3.4; GAP = 0.65; BOTTOM = 1.15 + 0.36 * LINES; TOP = 0.55
HEIGHT = TOP + SETS * PANEL + (SETS - 1) * GAP + BOTTOM
load HERE."open.gp"

set multiplot
set lmargin at screen 1.4 / WIDTH
set rmargin at screen 1 - 0.25 / WIDTH
if (STEEP) {
    set logscale xy
    set xrange [first / 1.1:last * 1.1]
    set yrange [10 ** floor(log10(least)):10 ** ceil(log10(most))]
    set xtics scale 0.5, 0 ("" first)
    do for [i = 1:words(radii)] { set xtics add (word(radii, i) word(radii, i) + 0) }
    set format y (TEX ? "$10^{%T}$" : "%g")
} else {
    set xrange [0:last * 1.02]
    set yrange [0:most * 1.08]
    set xtics step_for(last, 8)
    set ytics step_for(most, 5)
}
set style fill transparent solid 0.25 noborder
shown(m, s) = strcol("model") eq word(names, m) && strcol("set") eq word(sets, s) && (!STEEP || (column("rho") > 0 && column("sharpness") > 0))
low(v) = STEEP ? greater(v, least) : v
do for [s = 1:SETS] {
    set tmargin at screen 1 - (TOP + (s - 1) * (PANEL + GAP)) / HEIGHT
    set bmargin at screen 1 - (TOP + (s - 1) * (PANEL + GAP) + PANEL) / HEIGHT
    set label 1 says(word(sets, s)) at graph 0, graph 1 left offset 0, 0.6 textcolor rgb INK
    set label 3 (s == 1 ? "dotted: one step along the gradient" : "") at graph 1, graph 1 right offset 0, 0.6 font SMALL textcolor rgb INK
    set label 2 "rise of the loss" at screen 0.25 / WIDTH, graph 0.5 center rotate by 90 textcolor rgb INK
    if (s == SETS) {
        set label 8 "radius of the change of weights" at graph 0.5, screen (BOTTOM - 0.8) / HEIGHT center textcolor rgb INK
        load HERE."legend.gp"
    }
    if (!STEEP) { set format x (s < SETS ? "" : NUMBER) } else { set xtics textcolor rgb (s < SETS ? "#FFFFFF" : INK) }
    plot for [m = 1:MODELS] DATA using (shown(m, s) ? column("rho") : NaN):(low(column("low"))):(column("sharpness")) with filledcurves linecolor rgb COLOUR[(m - 1) % 7 + 1], \
         for [m = 1:MODELS] DATA using (shown(m, s) && column("one_step") > 0 ? column("rho") : NaN):(column("one_step")) with lines linecolor rgb COLOUR[(m - 1) % 7 + 1] linewidth 0.5 dashtype 3, \
         for [m = 1:MODELS] DATA using (shown(m, s) ? column("rho") : NaN):(column("sharpness")) with linespoints linestyle (m - 1) % 14 + 1
}
unset multiplot
