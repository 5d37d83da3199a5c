# images.gp - images with their scores: of every set the highest in the upper row, the lowest in
# the lower one. x and y count pixels from the upper left.

HERE = ARG0[1:strlen(ARG0) - strlen("images.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

is(kind) = strcol("kind") eq kind
stats DATA using (is("pixel") ? column("x") : NaN):(is("pixel") ? column("y") : NaN) nooutput
LEFT = 0.45; RIGHT = 0.05
PIXEL = (WIDTH - LEFT - RIGHT) / (STATS_max_x + 1)
HEIGHT = PIXEL * (STATS_max_y + 1)
load HERE."open.gp"

set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
unset border; unset tics; unset grid; unset key
set xrange [-0.5 - LEFT / PIXEL:STATS_max_x + 0.5 + RIGHT / PIXEL]
set yrange [STATS_max_y + 0.5:-0.5]
plot DATA using (is("pixel") ? column("x") : NaN):(column("y")):(column("red")):(column("green")):(column("blue")) with rgbimage, \
     DATA using (is("pixel") ? NaN : is("row") ? column("x") - 0.22 / PIXEL : column("x")):(column("y")):(says(strcol("text"))):(is("row") ? 90 : 0) \
             with labels rotate variable font ",6.5" textcolor rgb INK
