# histogram.gp - densities of scores, a panel per scorer and checkpoint: the ID test set
# filled, every other set a line, the threshold that accepts 95 % of the ID set dashed.

HERE = ARG0[1:strlen(ARG0) - strlen("histogram.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

panels = ""; sets = ""; id = ""
stats DATA using (panels = listed(panels, strcol("panel")), sets = listed(sets, strcol("set")), \
                  id = strcol("group") eq "id" ? strcol("set") : id, 0) nooutput
PANELS = words(panels); SETS = words(sets)
array TOP[PANELS]; array LIMIT[PANELS]; array FROM[PANELS]; array TO[PANELS]
do for [i = 1:PANELS] { TOP[i] = 0; FROM[i] = 1e30; TO[i] = -1e30 }
stats DATA using (i = number_of(panels, strcol("panel")), LIMIT[i] = column("threshold"), \
                  FROM[i] = column("low") < FROM[i] ? column("low") : FROM[i], \
                  TO[i] = column("high") > TO[i] ? column("high") : TO[i], \
                  TOP[i] = column("density") > TOP[i] ? column("density") : TOP[i], 0) nooutput

# The ID set is an area; the others take the styles in their order.
is_id(s) = word(sets, s) eq id
LEGEND = sets
legend_filled(s) = is_id(s)
legend_style(s) = s > number_of(sets, id) ? s : s + 1
load HERE."headline.gp"

# Two panels side by side where there are many.
ACROSS = PANELS > 2 ? 2 : 1
DOWN = (PANELS + ACROSS - 1) / ACROSS
TALL = ACROSS > 1 ? 2.0 : PANELS > 1 ? 2.6 : 3.6
LEFT = 0.65; RIGHT = 0.2; TITLE = 0.45; BOTTOM = 0.9; GAP = 0.45; SPACE = 0.4
HEIGHT = LEGEND_HEIGHT + DOWN * (TALL + TITLE) + (DOWN - 1) * SPACE + BOTTOM
load HERE."open.gp"

PANEL = (WIDTH - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
left(i) = (LEFT + ((i - 1) % ACROSS) * (PANEL + GAP)) / WIDTH
top(i) = 1 - (LEGEND_HEIGHT + TITLE + ((i - 1) / ACROSS) * (TALL + TITLE + SPACE)) / HEIGHT
middle(i, s) = strcol("panel") eq word(panels, i) && strcol("set") eq word(sets, s) ? (column("low") + column("high")) / 2 : NaN

# About n ticks, at 1, 2 or 5 times a power of ten.
power(x) = 10.0 ** floor(log10(x))
rounded(x) = x / power(x) < 1.5 ? power(x) : x / power(x) < 3.5 ? 2 * power(x) : x / power(x) < 7.5 ? 5 * power(x) : 10 * power(x)

set multiplot
unset grid
unset key
unset ytics
set border 1
set style fill transparent solid 0.35 noborder
do for [s = 1:SETS] { set style line legend_style(s) dashtype 1 linewidth 1.1 }
load HERE."headline.gp"
do for [i = 1:PANELS] {
    set lmargin at screen left(i)
    set rmargin at screen left(i) + PANEL / WIDTH
    set tmargin at screen top(i)
    set bmargin at screen top(i) - TALL / HEIGHT
    set xrange [FROM[i]:TO[i]]
    set yrange [0:TOP[i] * 1.22] # the threshold is named above the highest bin
    set xtics rounded((TO[i] - FROM[i]) * 1.2 / PANEL) scale 0.4 offset 0, 0.5 font ",7"
    set label 1 says(word(panels, i)) at screen left(i) + PANEL / 2 / WIDTH, screen top(i) + 0.2 / HEIGHT center font ",8" textcolor rgb INK
    set arrow 1 from LIMIT[i], graph 0 to LIMIT[i], graph 1 nohead linecolor rgb INK linewidth 0.9 dashtype 2 front
    if (LIMIT[i] < FROM[i] + 0.6 * (TO[i] - FROM[i])) {
        set label 2 says("95 % of ID →") at LIMIT[i], graph 0.93 left offset 0.4, 0 font ",7" textcolor rgb INK front
    } else {
        set label 2 says("95 % of ID →") at LIMIT[i], graph 0.93 right offset -0.4, 0 font ",7" textcolor rgb INK front
    }
    unset label 3
    if ((i - 1) % ACROSS == 0) {
        set label 3 "density" at screen 0.3 / WIDTH, screen top(i) - TALL / 2 / HEIGHT center rotate by 90 font ",8" textcolor rgb INK
    }
    unset xlabel
    if (i + ACROSS > PANELS) {
        set xlabel (ACROSS > 1 ? "score" : "score (larger: more in-distribution)") offset 0, 1.1 font ",8" textcolor rgb INK
    }
    plot for [s = 1:SETS] DATA using (is_id(s) ? middle(i, s) : NaN):(column("density") / 2):(column("low")):(column("high")):(0):(column("density")) \
             with boxxyerror linecolor rgb COLOUR[4], \
         for [s = 1:SETS] DATA using (is_id(s) ? NaN : middle(i, s)):(column("density")) with histeps linestyle legend_style(s)
    do for [s = 1:SETS] { unset label 900 + s; unset arrow 900 + s; unset object 900 + s } # drawn once
}
unset multiplot
