# operating.gp - the panels of roc.gp and prc.gp: curves of Y against X in percent, each named
# in a list of its panel with AREA.

panels = ""; lines = ""
stats DATA using (panels = listed(panels, strcol("panel")), lines = listed(lines, strcol("line")), 0) nooutput
PANELS = words(panels); LINES = words(lines)
array AREAS[PANELS * LINES]; array THERE[PANELS * LINES]
do for [i = 1:PANELS * LINES] { THERE[i] = 0 }
stats DATA using (i = (number_of(panels, strcol("panel")) - 1) * LINES + number_of(lines, strcol("line")), \
                  AREAS[i] = column(AREA), THERE[i] = 1, 0) nooutput

ACROSS = PANELS > 1 ? 2 : 1
DOWN = (PANELS + ACROSS - 1) / ACROSS
LEFT = 1.15; RIGHT = 0.3; TITLE = 0.5; BOTTOM = 0.95; GAP = 0.35; SPACE = 0.15
PANEL = (WIDTH - LEFT - RIGHT - (ACROSS - 1) * GAP) / ACROSS
TALL = ACROSS > 1 ? PANEL : PANEL * 0.8
# A list that would cover the curves stands below.
ENTRY = 0.33
BELOW = LINES * ENTRY > TALL * 0.6 ? ENTRY * ((LINES + 1) / 2) + 0.1 : 0
HEIGHT = DOWN * (TALL + TITLE) + (DOWN - 1) * SPACE + BOTTOM + BELOW
load HERE."open.gp"

left(i) = (LEFT + ((i - 1) % ACROSS) * (PANEL + GAP)) / WIDTH
top(i) = 1 - (TITLE + ((i - 1) / ACROSS) * (TALL + TITLE + SPACE)) / HEIGHT
here(i, k) = strcol("panel") eq word(panels, i) && strcol("line") eq word(lines, k)
named(i, k) = says(word(lines, k)).(BELOW > 0 ? "" : sprintf("  %.1f", AREAS[(i - 1) * LINES + k]))

set multiplot
unset key
do for [k = 1:LINES] { # dashes break up bends
    D = LINES > 7 ? DASH[(k - 1 + (k - 1) / 7) % 7 + 1] : 1
    set style line k linecolor rgb COLOUR[(k - 1) % 7 + 1] dashtype D linewidth 1.2
}
set xrange [0:100]
set yrange [0:100]
do for [i = 1:PANELS] {
    set lmargin at screen left(i)
    set rmargin at screen left(i) + PANEL / WIDTH
    set tmargin at screen top(i)
    set bmargin at screen top(i) - TALL / HEIGHT
    set label 1 says(word(panels, i)) at screen left(i) + PANEL / 2 / WIDTH, screen top(i) + 0.22 / HEIGHT center font ",8" textcolor rgb INK
    set xtics 25 scale 0.4 offset 0, 0.4 font ",7" ("" 0, "" 25, "" 50, "" 75, "" 100)
    set ytics 25 scale 0.4 offset 0.5, 0 font ",7" ("" 0, "" 25, "" 50, "" 75, "" 100)
    unset xlabel; unset ylabel
    if (i + ACROSS > PANELS) {
        set xtics ("0" 0, "25" 25, "50" 50, "75" 75, "100" 100)
        set xlabel says(XLABEL) offset 0, 1.0 font ",8" textcolor rgb INK
    }
    if ((i - 1) % ACROSS == 0) {
        set ytics ("0" 0, "25" 25, "50" 50, "75" 75, "100" 100)
        set ylabel says(YLABEL) offset 1.8, 0 font ",8" textcolor rgb INK
    }
    # The list: a short line, the name, the area; the last line lowest.
    row = 0
    do for [k = 1:LINES] { row = row + THERE[(i - 1) * LINES + k] }
    do for [k = 1:LINES] {
        unset label 100 + k; unset arrow 100 + k
        if (BELOW == 0 && THERE[(i - 1) * LINES + k]) {
            row = row - 1
            X0 = left(i) + (AT_LEFT ? 0.1 : PANEL - 0.5) / WIDTH
            Y0 = top(i) - (TALL - 0.25 - ENTRY * row) / HEIGHT
            set arrow 100 + k from screen X0, screen Y0 to screen X0 + 0.4 / WIDTH, screen Y0 nohead linestyle k front
            if (AT_LEFT) {
                set label 100 + k named(i, k) at screen X0 + 0.5 / WIDTH, screen Y0 left font ",7" textcolor rgb INK front
            } else {
                set label 100 + k named(i, k) at screen X0 - 0.1 / WIDTH, screen Y0 right font ",7" textcolor rgb INK front
            }
        }
        if (BELOW > 0 && i == 1) {
            X0 = (LEFT + ((k - 1) % 2) * (WIDTH - LEFT - RIGHT) / 2) / WIDTH
            Y0 = (BELOW - ENTRY * ((k - 1) / 2) - 0.15) / HEIGHT
            set label 100 + k says(word(lines, k)) at screen X0 + 0.5 / WIDTH, screen Y0 left font ",7" textcolor rgb INK front
            set arrow 100 + k from screen X0, screen Y0 to screen X0 + 0.4 / WIDTH, screen Y0 nohead linestyle k front
        }
    }
    plot LEVEL ? LEVEL : NaN with lines linecolor rgb INK linewidth 0.6 dashtype 2, \
         for [k = 1:LINES] DATA using (here(i, k) ? column(X) : NaN):(column(Y)) with lines linestyle k
}
unset multiplot
