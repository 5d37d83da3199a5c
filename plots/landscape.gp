# landscape.gp - loss over two directions of the weights, a panel for each model (across) and
# set (down), one logarithmic scale for all; contours stand where the scale has its ticks.

HERE = ARG0[1:strlen(ARG0) - strlen("landscape.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

names = ""; sets = ""; places = ""; least = 1e300; most = -1e300; clip = 10; far = 0; surface = 0
stats DATA using (names = listed(names, strcol("model")), sets = listed(sets, strcol("set")), places = listed(places, strcol("alpha")), \
                  clip = column("clip"), least = lesser(least, column("loss")), most = greater(most, column("loss")), \
                  far = greater(far, abs(column("alpha"))), surface = strcol("view") eq "surface", 0) nooutput
MODELS = words(names); SETS = words(sets); GRID = words(places)
least = greater(least, 1e-6)
clip = greater(lesser(clip, most), 1.01 * least)
level(v) = log10(greater(least, lesser(v, clip)))

# Square panels seen from above, of a width that lets all models stand side by side or in rows.
LEFT = surface ? 0.15 : 1.15; RIGHT = 1.6; GAP = surface ? 0.2 : 0.55
LEAST = surface ? 2.6 : 1.7
ACROSS = int((WIDTH - LEFT - RIGHT + GAP) / (LEAST + GAP))
ACROSS = ACROSS < 1 ? 1 : ACROSS > MODELS ? MODELS : ACROSS
FOLDS = (MODELS + ACROSS - 1) / ACROSS
ACROSS = (MODELS + FOLDS - 1) / FOLDS
PANEL = (WIDTH - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
PANEL = lesser(PANEL, 6)
TALL = surface ? 0.85 * PANEL : PANEL
TOP = 0.75; BOTTOM = surface ? 0.2 : 1.0; BETWEEN = TOP
ROWS = FOLDS * SETS
HEIGHT = BOTTOM + ROWS * (TALL + TOP)
load HERE."open.gp"

# Levels at 1, 2 and 5 of every power of ten in between; the scale's ends say where they are.
levels = ""; scale = ""
do for [p = floor(log10(least)):floor(log10(clip))] {
    do for [k = 1:3] {
        v = word("1 2 5", k) * 10.0 ** p
        if (v > 1.02 * least && v < 0.98 * clip) {
            levels = levels.sprintf(",%.9g", log10(v))
            scale = scale.sprintf(", '%g' %.9g", v, log10(v))
        }
    }
}

# All points in one array, a plane behind the other: what is not there stays a hole.
COUNT = GRID * GRID; SMOOTH = greater(1, 64 / GRID)
array LOSS[MODELS * SETS * COUNT]
place(v) = int(floor((v + far) / (2 * far) * (GRID - 1) + 0.5))
point(m, s, a, b) = ((m - 1) * SETS + s - 1) * COUNT + place(a) * GRID + place(b) + 1
do for [i = 1:MODELS * SETS * COUNT] { LOSS[i] = NaN }
stats DATA using (LOSS[point(number_of(names, strcol("model")), number_of(sets, strcol("set")), column("alpha"), column("beta"))] \
                  = level(column("loss")), 0) nooutput
unset datafile columnheaders
set datafile separator whitespace

$CENTRE << END
0 0
END

set multiplot
unset key; unset grid; unset colorbox
set xrange [-far:far]
set yrange [-far:far]
set zrange [log10(least) - 1e-6:log10(clip) + 1e-6] # what lies on its end is in it
set cbrange [log10(least):log10(clip)]
if (strlen(levels)) { eval "set cntrparam levels discrete ".levels[2:*] }
set xyplane at log10(least)
cut(s) = strlen(s) * 0.13 > PANEL + GAP ? s[1:int((PANEL + GAP) / 0.13) - 1]."…" : s

do for [s = 1:SETS] { do for [m = 1:MODELS] {
    fold = (m - 1) / ACROSS; across = (m - 1) % ACROSS; row = fold * SETS + s - 1
    X = (LEFT + across * (PANEL + GAP)) / WIDTH
    Y = (BOTTOM + (ROWS - 1 - row) * (TALL + TOP)) / HEIGHT
    set print $PLANE
    do for [i = 0:GRID - 1] {
        do for [j = 0:GRID - 1] {
            print sprintf("%.9g %.9g %.9g", far * (2.0 * i / (GRID - 1) - 1), far * (2.0 * j / (GRID - 1) - 1), LOSS[((m - 1) * SETS + s - 1) * COUNT + i * GRID + j + 1])
        }
        print ""
    }
    unset print
    set contour base; unset surface; set format "%g" # of the table, too
    set table $LINES
    splot $PLANE using 1:2:3
    unset table
    unset contour; set surface
    if (surface) { # a box around it all
        set origin X, Y - 0.2 * TALL / HEIGHT
        set size PANEL / WIDTH, TALL / HEIGHT
    } else {
        set lmargin at screen X
        set rmargin at screen X + PANEL / WIDTH
        set bmargin at screen Y
        set tmargin at screen Y + TALL / HEIGHT
    }
    set label 1 says(cut(word(names, m))) at screen X + PANEL / 2 / WIDTH, screen Y + (TALL + 0.5) / HEIGHT center textcolor rgb INK
    set label 2 says(cut(word(sets, s))) at screen X + PANEL / 2 / WIDTH, screen Y + (TALL + 0.2) / HEIGHT center font SMALL textcolor rgb INK
    if (s == SETS && m == MODELS) {
        set colorbox user origin (WIDTH - RIGHT + 0.2) / WIDTH, BOTTOM / HEIGHT size 0.22 / WIDTH, (HEIGHT - TOP - BOTTOM) / HEIGHT noborder
        eval sprintf("set cbtics scale 0 offset -0.8, 0 ('%.2g' %.9g%s, '%s%.3g' %.9g)", least, log10(least), scale, most > clip ? "≥ " : "", clip, log10(clip))
        set cblabel "cross-entropy" offset -0.8, 0 textcolor rgb INK
    }
    if (surface) {
        set border 0
        unset xtics; unset ytics; unset ztics
        set view 60, 35, 1.6, 1.5
        set pm3d depthorder interpolate 1, 1
        splot $PLANE using 1:2:3 with pm3d, $PLANE using 1:2:3 with lines linecolor rgb "#60333333" linewidth 0.2
    } else {
        set border 15 linecolor rgb INK linewidth 0.6
        set xtics (-far, 0, far) nomirror out scale 0.4 offset 0, 0.4 font SMALL
        set ytics (-far, 0, far) nomirror out scale 0.4 offset 0.6, 0 font SMALL
        set format y (across ? "" : NUMBER)
        set format x (row < ROWS - 1 ? "" : NUMBER)
        unset label 3; unset label 4
        if (row == ROWS - 1 && across == 0) {
            set label 3 "direction 1" at screen (LEFT + (ACROSS * (PANEL + GAP) - GAP) / 2) / WIDTH, screen 0.2 / HEIGHT center textcolor rgb INK
            set label 4 "direction 2" at screen 0.22 / WIDTH, screen (BOTTOM + (HEIGHT - BOTTOM - TOP) / 2) / HEIGHT center rotate by 90 textcolor rgb INK
        }
        set view map
        set pm3d interpolate SMOOTH, SMOOTH
        splot $PLANE using 1:2:3 with pm3d
        unset colorbox; unset label 1; unset label 2; unset label 3; unset label 4; unset xtics; unset ytics; set border 0
        plot $LINES using 1:2 with lines linecolor rgb "#FFFFFF" linewidth 0.5, \
             $CENTRE using 1:2 with points pointtype 1 pointsize 0.4 linewidth 0.5 linecolor rgb "#FFFFFF"
    }
} }
unset multiplot
