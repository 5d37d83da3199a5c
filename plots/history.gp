# history.gp - small multiples: a panel for each series, all on one scale, nights from left to right.

HERE = ARG0[1:strlen(ARG0) - strlen("history.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

panels = ""; names = ""; units = ""; last = 0; low = 1e300; high = -1e300; first_night = ""; last_night = ""
stats DATA using (panels = listed(panels, strcol("panel")), names = listed(names, strcol("line")), units = strcol("unit"), \
                  low = lesser(low, column("change")), high = greater(high, column("change")), \
                  column("night") == 1 ? first_night = strcol("began") : 0, \
                  column("night") > last ? (last = column("night"), last_night = strcol("began")) : 0, 0) nooutput
PANELS = words(panels); MODELS = words(names)
RATIO = units[1:5] eq "times"

# As many side by side as their titles have room; at least a tenth of a point, or of the speed, fills a panel.
ACROSS = int(greater(1, lesser(PANELS, floor((WIDTH - 0.9) / 2.3)))); DOWN = (PANELS + ACROSS - 1) / ACROSS
if (RATIO) {
    reach = greater(0.1, greater(high - 1, 1 - low)) * 1.15; low = greater(0, 1 - reach); high = 1 + reach
} else {
    reach = greater(0.1, greater(high, -low)) * 1.15; low = -reach; high = reach
}
KEYS = keys_of(MODELS, fitting(MODELS, 8)); LINES = lines_of(MODELS, KEYS)
PANEL = 0.95; GAP = 0.55; LEFT = 0.95; BOTTOM = 1.15 + 0.36 * LINES; TOP = 0.75
HEIGHT = TOP + DOWN * PANEL + (DOWN - 1) * GAP + BOTTOM
load HERE."open.gp"

set multiplot
set label 8 says(units) at screen 0.1 / WIDTH, screen 1 - 0.2 / HEIGHT left textcolor rgb INK
set label 9 says(first_night[1:10]) at screen LEFT / WIDTH, screen (BOTTOM - 0.5) / HEIGHT left textcolor rgb INK font SMALL
set label 10 says(last_night[1:10]) at screen 1 - 0.15 / WIDTH, screen (BOTTOM - 0.5) / HEIGHT right textcolor rgb INK font SMALL
load HERE."legend.gp"
set xrange [1 - 0.04 * last:last + 0.04 * last]
set yrange [low:high]
set format x ""
set xtics greater(1, step_for(last, 4))
set ytics step_for(high - low, 3)
do for [i = 1:PANELS] {
    across = (i - 1) % ACROSS; down = (i - 1) / ACROSS
    left = LEFT + across * (WIDTH - LEFT - 0.15) / ACROSS
    set lmargin at screen left / WIDTH
    set rmargin at screen (left + (WIDTH - LEFT - 0.15) / ACROSS - 0.15) / WIDTH
    set tmargin at screen 1 - (TOP + down * (PANEL + GAP)) / HEIGHT
    set bmargin at screen 1 - (TOP + down * (PANEL + GAP) + PANEL) / HEIGHT
    set format y (across == 0 ? (RATIO ? NUMBER : SIGNED) : "")
    what = word(panels, i)
    room = int((WIDTH - LEFT) / ACROSS / 0.15)
    set label 1 says(strlen(what) > room ? what[1:room - 2].".." : what) at graph 0, graph 1 left offset 0, 0.5 textcolor rgb "#000000" font SMALL
    plot (RATIO ? 1 : 0) with lines linecolor rgb INK linewidth 0.5, \
         for [m = 1:MODELS] DATA using (strcol("panel") eq what && strcol("line") eq word(names, m) ? column("night") : NaN):(column("change")) \
             with linespoints linestyle m linewidth 1 pointsize 0.22
    unset label 8; unset label 9; unset label 10
    do for [m = 1:MODELS] { unset label 100 + m; unset label 200 + m; unset arrow 100 + m }
}
unset multiplot
