# corruptions.gp - accuracy by corruption (rows) and severity (columns), a panel per model;
# with `of` = difference, what changed against the first.

HERE = ARG0[1:strlen(ARG0) - strlen("corruptions.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

models = ""; corruptions = ""; severities = 0; least = 1e9; most = -1e9; difference = 0; title = ""
stats DATA using (models = listed(models, strcol("model")), corruptions = listed(corruptions, strcol("corruption")), \
                  severities = column("severity") > severities ? column("severity") : severities, \
                  least = column("value") < least ? column("value") : least, \
                  most = column("value") > most ? column("value") : most, \
                  difference = strcol("of") eq "difference", title = strcol("set"), 0) nooutput
MODELS = words(models); ROWS = words(corruptions)

# As many panels side by side as leave room for a cell of 2.5 mm; numbers where one fits.
LEFT = 2.45; RIGHT = 1.45; BOTTOM = 0.85; GAP = 0.2
ACROSS = int((WIDTH - LEFT - RIGHT + GAP) / (severities * 0.25 + GAP))
ACROSS = ACROSS < 1 ? 1 : ACROSS > MODELS ? MODELS : ACROSS
DOWN = (MODELS + ACROSS - 1) / ACROSS
ACROSS = (MODELS + DOWN - 1) / DOWN
PANEL = (WIDTH - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
NUMBERS = PANEL / severities >= 0.68
TALL = NUMBERS ? 0.36 : 0.3

# A title that is wider than its panel is broken at its first space.
wide(s) = strlen(s) * 0.14 > PANEL && strstrt(s, " ")
broken(s) = wide(s) ? s[1:strstrt(s, " ") - 1]."\n".s[strstrt(s, " ") + 1:*] : s
TOP = 0.4
do for [i = 1:MODELS] { if (wide(word(models, i))) { TOP = 0.7 } }
HEIGHT = BOTTOM + DOWN * (ROWS * TALL + TOP) + (DOWN - 1) * 0.1
load HERE."open.gp"

if (difference) {
    far = abs(least) > abs(most) ? abs(least) : abs(most)
    set cbrange [-far:far]
    set format cb "%+g"
} else {
    set cbrange [least:most]
}
MIDDLE = difference ? 0 : (least + most) / 2
row(c) = number_of(corruptions, c)
left(i) = (LEFT + ((i - 1) % ACROSS) * (PANEL + GAP)) / WIDTH
top(i) = 1 - (TOP + ((i - 1) / ACROSS) * (ROWS * TALL + TOP + 0.1)) / HEIGHT
lowest(i) = i + ACROSS > MODELS

set multiplot
unset grid; unset colorbox
set border 0
set xrange [0.5:severities + 0.5]
set yrange [ROWS + 0.5:0.5]
do for [i = 1:MODELS] {
    set lmargin at screen left(i)
    set rmargin at screen left(i) + PANEL / WIDTH
    set tmargin at screen top(i)
    set bmargin at screen top(i) - ROWS * TALL / HEIGHT
    set label 1 says(broken(word(models, i))) at screen left(i) + PANEL / 2 / WIDTH, screen top(i) + (wide(word(models, i)) ? 0.5 : 0.2) / HEIGHT \
        center font (wide(word(models, i)) ? ",7" : ",8") textcolor rgb INK
    unset ytics; unset xtics; unset xlabel
    if ((i - 1) % ACROSS == 0) {
        set ytics scale 0 offset 0.6, 0 font ",7" ("" 0)
        do for [k = 1:ROWS] { set ytics add (swapped(word(corruptions, k), "_", " ") k) }
    }
    if (lowest(i)) {
        set xtics 1 scale 0 offset 0, 0.6
        set xlabel "severity" offset 0, 1.2 textcolor rgb INK
    }
    if (i == MODELS) {
        set colorbox user origin (WIDTH - RIGHT + 0.2) / WIDTH, BOTTOM / HEIGHT size 0.22 / WIDTH, (HEIGHT - TOP - BOTTOM) / HEIGHT noborder
        set cblabel (difference ? "change of accuracy (points)" : says("accuracy (%)")) offset -0.8, 0 textcolor rgb INK
        set cbtics scale 0 offset -0.8, 0
    }
    plot DATA using (strcol("model") eq word(models, i) ? column("severity") : NaN):(row(strcol("corruption"))):\
                    (column("severity") - 0.5):(column("severity") + 0.5):\
                    (row(strcol("corruption")) - 0.5):(row(strcol("corruption")) + 0.5):(column("value")) \
             with boxxyerror fillcolor palette, \
         for [n = 1:NUMBERS] DATA using (strcol("model") eq word(models, i) ? column("severity") : NaN):\
                    (row(strcol("corruption"))):(sprintf(difference ? "%+.1f" : "%.1f", column("value"))):\
                    (column("value") < MIDDLE ? 0xFFFFFF : 0x000000) with labels font ",7" textcolor rgb variable
}
unset multiplot
