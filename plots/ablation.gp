# ablation.gp - mean over x, a line per series with bars of one standard deviation over seeds;
# rows of kind `without` are levels. Words along x stand in their order, without a line between them.

HERE = ARG0[1:strlen(ARG0) - strlen("ablation.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

names = ""; values = ""; metric = ""; group = ""; key = ""; word_like = 0; longest = 0; least = 1e300; most = -1e300
low = 1e300; high = -1e300; widest = 0
stats DATA using (names = listed(names, strcol("series")), longest = greater(longest, strlen(strcol("series"))), \
                  metric = strcol("metric"), group = strcol("group"), key = strcol("key"), \
                  word_like = word_like || strcol("kind") eq "word", \
                  low = lesser(low, column("mean") - column("std")), high = greater(high, column("mean") + column("std")), \
                  strcol("kind") eq "without" ? 0 : (values = listed(values, strcol("value")), \
                  widest = greater(widest, strlen(strcol("value"))), least = lesser(least, column("x")), \
                  most = greater(most, column("x")), 0), 0) nooutput
SERIES = words(names)
KEYS = keys_of(SERIES, fitting(SERIES, longest)); LINES = lines_of(SERIES, KEYS)
UPRIGHT = word_like && words(values) * (widest * 0.13 + 0.2) > WIDTH - 1.7
BOTTOM = 1.15 + 0.36 * LINES + (UPRIGHT ? widest * 0.13 - 0.1 : 0)
HEIGHT = 5 + BOTTOM
load HERE."open.gp"

set lmargin at screen 1.4 / WIDTH
set rmargin at screen 1 - 0.3 / WIDTH
set bmargin at screen BOTTOM / HEIGHT
set tmargin at screen 1 - 0.3 / HEIGHT

NAME = metric eq "auroc" ? "AUROC" : metric eq "fpr95" ? "FPR@95" : metric eq "acc" ? "accuracy" : "accuracy on shifted images"
OF = metric eq "acc" || metric eq "shifted" ? "" : group eq "average" ? ", near+far" : ", ".group
set label 9 says(NAME.OF." (%)") at screen 0.25 / WIDTH, graph 0.5 center rotate textcolor rgb INK
set label 8 says(key) at graph 0.5, screen (0.4 + 0.36 * LINES) / HEIGHT center textcolor rgb INK
# Levels, before ranges are set: stats keeps to them.
do for [m = 1:SERIES] {
    level = NaN
    stats DATA using (strcol("series") eq word(names, m) && strcol("kind") eq "without" ? (level = column("mean"), 0) : 0) nooutput
    if (level == level) {
        set arrow 300 + m from graph 0, first level to graph 1, first level nohead linestyle (m - 1) % 14 + 1
        set label 300 + m "" at graph 0.97, first level point linestyle (m - 1) % 14 + 1
    }
}
set yrange [low - 0.08 * (high - low):high + 0.08 * (high - low)]
LOG = !word_like && least > 0 && most >= 20 * least
if (LOG) {
    set logscale x
    set xrange [least / (most / least) ** 0.06:most * (most / least) ** 0.06]
} else {
    pad = word_like ? 0.5 : 0.06 * (most - least)
    set xrange [least - pad:most + pad]
}
if (word_like || words(values) <= 8) { # every value is named
    if (UPRIGHT) { set xtics rotate by 90 right ("" least) } else { set xtics ("" least) }
    if (!word_like) { do for [i = 1:words(values)] { set xtics add (word(values, i) word(values, i) + 0) } }
    if (word_like) { do for [i = 1:words(values)] { set xtics add (says(word(values, i)) i) } }
}
load HERE."legend.gp"

# Side by side, so that bars do not hide each other: next to nothing along numbers.
aside(m) = m - (SERIES + 1) / 2.0
beside(x, m) = word_like ? x + 0.06 * aside(m) : LOG ? x * (most / least) ** (0.006 * aside(m)) : x + 0.006 * aside(m) * (most - least)
mine(m) = strcol("series") eq word(names, m) && strcol("kind") ne "without"
plot for [m = 1:(word_like ? 0 : SERIES)] DATA using (mine(m) ? beside(column("x"), m) : NaN):(column("mean")) \
         with lines linestyle (m - 1) % 14 + 1, \
     for [m = 1:SERIES] DATA using (mine(m) ? beside(column("x"), m) : NaN):(column("mean") - column("std")):(0):(2 * column("std")) \
         with vectors nohead linestyle (m - 1) % 14 + 1 dashtype 1 linewidth 1, \
     for [m = 1:SERIES] DATA using (mine(m) ? beside(column("x"), m) : NaN):(column("mean")) \
         with points linestyle (m - 1) % 14 + 1
