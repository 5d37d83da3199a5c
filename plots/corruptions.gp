# corruptions.gp - accuracy by corruption (rows) and severity (columns), a panel per model;
# of a set with one severity a column per model. What changed against the first model where
# `of` says difference.

HERE = ARG0[1:strlen(ARG0) - strlen("corruptions.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

models = ""; corruptions = ""; severities = ""; least = 1e9; most = -1e9; difference = 0
stats DATA using (models = listed(models, strcol("model")), corruptions = listed(corruptions, strcol("corruption")), \
                  severities = listed(severities, strcol("severity")), difference = strcol("of") eq "difference", \
                  least = lesser(least, column("value")), most = greater(most, column("value")), 0) nooutput
ONE = words(severities) == 1
columns = ONE ? models : severities
panels = ONE ? severities : models
COLUMNS = words(columns); PANELS = words(panels); ROWS = words(corruptions)

# As many panels side by side as leave room for a cell of 2.5 mm; numbers where one fits.
LEFT = 2.45; RIGHT = 1.45; GAP = 0.2
ACROSS = int((WIDTH - LEFT - RIGHT + GAP) / (COLUMNS * 0.25 + GAP))
ACROSS = ACROSS < 1 ? 1 : ACROSS > PANELS ? PANELS : ACROSS
DOWN = (PANELS + ACROSS - 1) / ACROSS
ACROSS = (PANELS + DOWN - 1) / DOWN
PANEL = (WIDTH - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
NUMBERS = PANEL / COLUMNS >= 0.68
TALL = greater(NUMBERS ? 0.36 : 0.3, lesser(0.6, 2.4 / (DOWN * ROWS)))

# A title that is wider than its panel is broken at its first space; a column's name that is wider stands upright.
wide(s) = strlen(s) * 0.14 > PANEL && strstrt(s, " ")
broken(s) = wide(s) ? s[1:strstrt(s, " ") - 1]."\n".s[strstrt(s, " ") + 1:*] : s
MEANING = difference ? "change of accuracy (points)" : "accuracy (%)"
named(i) = ONE ? (difference ? "change (points)" : MEANING).", severity ".word(panels, i) : word(panels, i)
TOP = 0.4; longest = 0
do for [i = 1:PANELS] { if (wide(named(i))) { TOP = 0.7 } }
do for [i = 1:COLUMNS] { longest = greater(longest, strlen(word(columns, i))) }
UPRIGHT = longest * 0.13 > PANEL / COLUMNS
BOTTOM = UPRIGHT ? 0.3 + longest * 0.13 : ONE ? 0.5 : 0.85
HEIGHT = BOTTOM + DOWN * (ROWS * TALL + TOP) + (DOWN - 1) * 0.1
load HERE."open.gp"

far = greater(abs(least), abs(most))
if (difference) { least = -far; most = far }
MIDDLE = (least + most) / 2
column_of(s, m) = number_of(columns, ONE ? m : s)
row(c) = number_of(corruptions, c)
here(i, s, m) = word(panels, i) eq (ONE ? s : m)
left(i) = (LEFT + ((i - 1) % ACROSS) * (PANEL + GAP)) / WIDTH
top(i) = 1 - (TOP + ((i - 1) / ACROSS) * (ROWS * TALL + TOP + 0.1)) / HEIGHT

set multiplot
unset grid; unset colorbox
set border 0
set xrange [0.5:COLUMNS + 0.5]
set yrange [ROWS + 0.5:0.5]
set cbrange [least:most]
do for [i = 1:PANELS] {
    set lmargin at screen left(i)
    set rmargin at screen left(i) + PANEL / WIDTH
    set tmargin at screen top(i)
    set bmargin at screen top(i) - ROWS * TALL / HEIGHT
    set label 1 says(broken(named(i))) at screen left(i) + PANEL / 2 / WIDTH, screen top(i) + (wide(named(i)) ? 0.5 : 0.2) / HEIGHT \
        center font (wide(named(i)) ? SMALL : NORMAL) textcolor rgb INK
    unset ytics; unset xtics; unset label 2
    if ((i - 1) % ACROSS == 0) {
        set ytics scale 0 offset 0.6, 0 ("" 0) font SMALL
        do for [k = 1:ROWS] { set ytics add (swapped(word(corruptions, k), "_", " ") k) }
    }
    if (i + ACROSS > PANELS) { # the lowest of its column
        if (UPRIGHT) { set xtics scale 0 rotate by 90 right ("" 0) font SMALL } else { set xtics scale 0 norotate offset 0, 0.6 ("" 0) }
        do for [k = 1:COLUMNS] { set xtics add (says(word(columns, k)) k) }
        if (!ONE) { set label 2 "severity" at screen left(i) + PANEL / 2 / WIDTH, screen 0.2 / HEIGHT center textcolor rgb INK }
    }
    if (i == PANELS) {
        set colorbox user origin (WIDTH - RIGHT + 0.2) / WIDTH, BOTTOM / HEIGHT size 0.22 / WIDTH, (HEIGHT - TOP - BOTTOM) / HEIGHT noborder
        if (!ONE) { set cblabel says(MEANING) offset -0.2, 0 textcolor rgb INK }
        set format cb (difference ? SIGNED : NUMBER)
        set cbtics scale 0 offset -0.8, 0 step_for(most - least, lesser(8, (HEIGHT - TOP - BOTTOM) / 0.5))
    }
    plot DATA using (here(i, strcol("severity"), strcol("model")) ? column_of(strcol("severity"), strcol("model")) : NaN):\
                    (row(strcol("corruption"))):\
                    (column_of(strcol("severity"), strcol("model")) - 0.5):(column_of(strcol("severity"), strcol("model")) + 0.5):\
                    (row(strcol("corruption")) - 0.5):(row(strcol("corruption")) + 0.5):(column("value")) \
             with boxxyerror fillcolor palette, \
         for [n = 1:NUMBERS] DATA using (here(i, strcol("severity"), strcol("model")) ? column_of(strcol("severity"), strcol("model")) : NaN):\
                    (row(strcol("corruption"))):(sprintf(difference ? "%+.1f" : "%.1f", column("value"))):\
                    (column("value") < MIDDLE ? 0xFFFFFF : 0x000000) with labels font SMALL textcolor rgb variable
}
unset multiplot
