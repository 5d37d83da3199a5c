# style.gp - what all figures share. A script begins with
#
#     HERE = ARG0[1:strlen(ARG0) - strlen("KIND.gp")]
#     call HERE."style.gp" ARG1 ARG2 ARG3
#
# sets HEIGHT in cm, then `load HERE."open.gp"`, and draws. Sizes are those in print: a
# column of 8.4 cm, text of 8 pt (`font SMALL`: 7 pt). What stands at an edge is placed in cm
# (`screen 0.25 / WIDTH`), since terminals disagree about how large characters are.

DATA = ARG1
OUT = ARG2
WIDTH = strlen(ARG3) ? ARG3 + 0 : 8.4
HEIGHT = 6
if (!strlen(OUT)) {
    exit error "usage: gnuplot -c plots/KIND.gp DATA.csv OUT.svg [WIDTH_CM]"
}
set encoding utf8
set datafile separator comma
set datafile columnheaders
set datafile missing NaN # rows of others do not break a line

# Paul Tol's medium-contrast scheme: safe for the colour-blind, and its lightness
# (29 71 52 61 41 83 0 of 100) tells the colours apart in grey, too. Dashes and markers vary with them.
array COLOUR[7] = ["#004488", "#EE99AA", "#997700", "#6699CC", "#994455", "#EECC66", "#000000"]
array MARKER[7] = [7, 5, 9, 13, 11, 6, 4]
array DASH[7] = [1, 2, 4, 5, 2, 3, 4]
do for [i = 1:14] { # the second seven have other dashes and markers
    c = (i - 1) % 7 + 1; dash = DASH[(i + i / 8 - 1) % 7 + 1]; marker = MARKER[(i + i / 8 - 1) % 7 + 1]
    set style line i linecolor rgb COLOUR[c] linewidth 1.4 dashtype dash pointtype marker pointsize 0.55
}
INK = "#333333"
FAINT = "#D0D0D0"

# Cividis: its lightness only rises, so values stay in order in grey. For differences it is
# centred on zero: blue and darker is less, yellow and lighter is more.
set palette defined (0 "#00204d", 1 "#00336f", 2 "#39486b", 3 "#575c6d", 4 "#707173", \
                     5 "#8a8779", 6 "#a69d75", 7 "#c4b56c", 8 "#e4cf5b", 9 "#ffea46")

set border 3 linecolor rgb INK linewidth 0.6
set tics nomirror out scale 0.5 textcolor rgb INK
set grid linetype 1 linecolor rgb FAINT linewidth 0.4 dashtype solid
set key noautotitle textcolor rgb INK samplen 1.8 spacing 1.1
set style fill solid noborder

# A list of different texts in the order in which they came: `stats DATA using
# (names = listed(names, strcol("model")), 0) nooutput`; then words(names), word(names, i).
listed(list, s) = strstrt(list, '"'.s.'" ') ? list : list.'"'.s.'" '
number_of(list, s) = words(list[1:strstrt(list, '"'.s.'" ') - 1]) + 1

lesser(a, b) = a < b ? a : b
greater(a, b) = a > b ? a : b

# The round step that divides a range into at most n parts.
step_of(power, m) = power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10)
step_for(range, n) = step_of(10 ** floor(log10(range / n)), range / n / 10 ** floor(log10(range / n)))

# A legend below (legend.gp) of n names: how many stand side by side, and how many rows they take.
fitting(n, longest) = int(greater(1, lesser(n, (WIDTH - 0.5) / (longest * 0.13 + 1))))
keys_of(n, across) = (n + (n + across - 1) / across - 1) / ((n + across - 1) / across)
lines_of(n, across) = (n + across - 1) / across

# Text for the terminal: `_`, `%` and others mean something to TeX alone.
TEX = strlen(OUT) > 4 && OUT[strlen(OUT) - 3:*] eq ".tex"
swapped(s, c, by) = strstrt(s, c) ? s[1:strstrt(s, c) - 1].by.swapped(s[strstrt(s, c) + strlen(c):*], c, by) : s
marked(s) = swapped(swapped(swapped(swapped(s, "\\", "\001"), "{", "\\{"), "}", "\\}"), "$", "\\$")
escaped(s) = swapped(swapped(swapped(swapped(s, "_", "\\_"), "%", "\\%"), "&", "\\&"), "#", "\\#")
tex(s) = swapped(swapped(swapped(escaped(marked(s)), "^", "\\^{}"), "~", "\\~{}"), "\001", "\\textbackslash{}")
says(s) = TEX ? tex(s) : s
NUMBER = TEX ? "$%g$" : "%g" # formats of numbers along axes
SIGNED = TEX ? "$%+g$" : "%+g"
set format NUMBER
