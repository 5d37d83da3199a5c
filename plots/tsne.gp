# tsne.gp - a panel per model, points coloured by set, all panels of one scale; below each,
# how far the sets are from the ID set among the features themselves.

HERE = ARG0[1:strlen(ARG0) - strlen("tsne.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

models = ""; sets = ""; roles = ""; shares = ""; far = 0
role(group) = group eq "id" ? "ID" : group eq "csid" ? "shifted" : group." OOD"
stats DATA using (models = listed(models, strcol("model")), sets = listed(sets, strcol("set")), \
                  roles = listed(roles, strcol("set")." (".role(strcol("group")).")"), \
                  shares = listed(shares, strcol("model")."|".strcol("set")."|".strcol("share")), 0) nooutput
MODELS = words(models); SETS = words(sets)
array MID_X[MODELS]; array MID_Y[MODELS]
do for [i = 1:MODELS] {
    stats DATA using (strcol("model") eq word(models, i) ? column("x") : NaN):(column("y")) nooutput
    MID_X[i] = (STATS_min_x + STATS_max_x) / 2; MID_Y[i] = (STATS_min_y + STATS_max_y) / 2
    far = greater(far, greater(STATS_max_x - MID_X[i], STATS_max_y - MID_Y[i]) * 1.05)
}
from(list, start) = list[strstrt(list, start) + strlen(start):*]
until(rest, end) = rest[1:strstrt(rest, end) - 1]
share(m, s) = until(from(shares, '"'.m."|".s."|"), '"') + 0

# As many panels side by side as can be 2.6 cm wide.
GAP = 0.15; TITLE = 0.42; LINE = 0.29
ACROSS = lesser(MODELS, int((WIDTH + GAP) / (2.6 + GAP)))
DOWN = (MODELS + ACROSS - 1) / ACROSS
ACROSS = (MODELS + DOWN - 1) / DOWN
SIDE = lesser(6.5, (WIDTH - (ACROSS - 1) * GAP - 0.1) / ACROSS)
TALL = TITLE + SIDE + (SETS - 1) * LINE + 0.2

# The legend, above, in as many lines as it takes.
array KEY_X[SETS]; array KEY_Y[SETS]
X = 0.15; Y = 0.2
do for [k = 1:SETS] {
    wide = 0.5 + 0.135 * strlen(word(roles, k))
    if (X > 0.15 && X + wide > WIDTH) { X = 0.15; Y = Y + 0.36 }
    KEY_X[k] = X; KEY_Y[k] = Y; X = X + wide
}
TOP = Y + 0.2; BOTTOM = 0.32
HEIGHT = TOP + DOWN * TALL + BOTTOM
load HERE."open.gp"

MARGIN = (WIDTH - ACROSS * SIDE - (ACROSS - 1) * GAP) / 2
left(i) = (MARGIN + ((i - 1) % ACROSS) * (SIDE + GAP)) / WIDTH
top(i) = 1 - (TOP + ((i - 1) / ACROSS) * TALL + TITLE) / HEIGHT
do for [k = 1:SETS] {
    set linetype k linecolor rgb COLOUR[(k - 1) % 7 + 1]
    set label 10 + k says(word(roles, k)) at screen KEY_X[k] / WIDTH, screen 1 - KEY_Y[k] / HEIGHT left offset 0.6, 0 \
        point pointtype 7 pointsize 0.5 linecolor rgb COLOUR[(k - 1) % 7 + 1] font ",7" textcolor rgb INK
}
set label 1 says("numbers: distance from ".word(sets, 1)." among features, 0 to 1") \
    at screen MARGIN / WIDTH, screen 0.2 / HEIGHT left font ",7" textcolor rgb INK

set multiplot
unset grid; unset xtics; unset ytics
set border 15 linecolor rgb FAINT linewidth 0.6
do for [i = 1:MODELS] {
    set lmargin at screen left(i)
    set rmargin at screen left(i) + SIDE / WIDTH
    set tmargin at screen top(i)
    set bmargin at screen top(i) - SIDE / HEIGHT
    set xrange [MID_X[i] - far:MID_X[i] + far]
    set yrange [MID_Y[i] - far:MID_Y[i] + far]
    set label 2 says(word(models, i)) at screen left(i) + SIDE / 2 / WIDTH, screen top(i) + 0.2 / HEIGHT center textcolor rgb INK
    do for [k = 2:SETS] {
        set label 100 + k says(word(sets, k)) at screen left(i), screen top(i) - (SIDE + (k - 1.4) * LINE) / HEIGHT \
            left font ",7" textcolor rgb INK
        set label 200 + k sprintf("%.2f", share(word(models, i), word(sets, k))) \
            at screen left(i) + SIDE / WIDTH, screen top(i) - (SIDE + (k - 1.4) * LINE) / HEIGHT right font ",7" textcolor rgb INK
    }
    plot DATA using (strcol("model") eq word(models, i) ? column("x") : NaN):(column("y")):(number_of(sets, strcol("set"))) \
         with points pointtype 7 pointsize 0.1 linecolor variable
    unset label
}
unset multiplot
