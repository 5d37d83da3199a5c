# scatter.gp - change of detection (y) against change of accuracy (x), a labelled point per model;
# a label is centred on label_x, label_y.

HERE = ARG0[1:strlen(ARG0) - strlen("scatter.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

left = 0; right = 0; low = 0; high = 0; metric = ""; group = ""; images = ""; score = ""
stats DATA using (metric = strcol("metric"), group = strcol("group"), images = strcol("images"), score = strcol("score"), \
                  left = lesser(left, column("accuracy")), right = greater(right, column("accuracy")), \
                  low = lesser(low, column("detection")), high = greater(high, column("detection")), 0) nooutput
HEIGHT = WIDTH * 0.8
load HERE."open.gp"

# Room around the points, and for the quadrants' names on either side of zero (scatter.c places labels by it).
PAD = 0.16; SIDE = 0.32; EDGE = 0.18
wider(self, other, share) = greater(self, other * share / (1 - share))
l = -left + PAD * (right - left); r = right + PAD * (right - left)
d = -low + PAD * (high - low); u = high + PAD * (high - low)
left = -wider(l, r, SIDE); right = wider(r, l, SIDE)
low = -wider(d, u, EDGE); high = wider(u, d, EDGE)
set xrange [left:right]
set yrange [low:high]
set lmargin at screen 1.4 / WIDTH
set rmargin at screen 1 - 0.3 / WIDTH
set bmargin at screen 1.1 / HEIGHT
set tmargin at screen 1 - 0.2 / HEIGHT

UP = metric eq "auroc" # is better
NAME = metric eq "auroc" ? "AUROC" : metric eq "fpr95" ? "FPR@95" : "FPR@95 (ID positive)"
WHICH = group eq "average" ? "near+far" : group
set label 8 "change of accuracy on ".images." images (points)" at graph 0.5, screen 0.25 / HEIGHT center textcolor rgb INK
set label 9 says("change of ".NAME.", ".WHICH." (points)") at screen 0.25 / WIDTH, graph 0.5 center rotate textcolor rgb INK
set format SIGNED
set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead linecolor rgb "#808080" linewidth 0.8 back
set arrow 2 from first 0, graph 0 to first 0, graph 1 nohead linecolor rgb "#808080" linewidth 0.8 back

set xtics add ("0" 0)
set ytics add ("0" 0)

QUIET = "#707070"
do for [i = 0:3] {
    said = (i / 2 == UP ? "detects better" : "detects worse").(i % 2 ? "\nclassifies better" : "\nclassifies worse")
    y = i / 2 ? 0.965 : 0.085
    if (i % 2) { set label i + 1 said at graph 0.985, y right font SMALL textcolor rgb QUIET }
    if (i % 2 == 0) { set label i + 1 said at graph 0.015, y left font SMALL textcolor rgb QUIET }
}

# A line leads to a label that had to move away from its point.
cm_x = (WIDTH - 1.7) / (right - left); cm_y = (HEIGHT - 1.3) / (high - low)
gap_x(s) = greater(0, abs(column("label_x") - column("accuracy")) * cm_x - 0.065 * strlen(s) - 0.06)
gap_y(s) = greater(0, abs(column("label_y") - column("detection")) * cm_y - 0.15)
far(s) = gap_x(s) ** 2 + gap_y(s) ** 2 > 0.3 ** 2

plot DATA using (column("accuracy")):(column("detection")):(far(strcol("model")) ? column("label_x") - column("accuracy") : 0):\
                (far(strcol("model")) ? column("label_y") - column("detection") : 0) with vectors nohead linecolor rgb "#A0A0A0" linewidth 0.5, \
     DATA using (column("accuracy") - column("accuracy_std")):(column("detection")):(2 * column("accuracy_std")):(0) \
          with vectors nohead linecolor rgb COLOUR[4] linewidth 0.8, \
     DATA using (column("accuracy")):(column("detection") - column("detection_std")):(0):(2 * column("detection_std")) \
          with vectors nohead linecolor rgb COLOUR[4] linewidth 0.8, \
     DATA using (column("accuracy")):(column("detection")) with points linestyle 1, \
     DATA using (column("accuracy") == 0 && column("detection") == 0 ? 0 : NaN):(0) with points pointtype 7 pointsize 0.35 linecolor rgb "#FFFFFF", \
     DATA using (column("label_x")):(column("label_y")):(says(strcol("model"))) with labels center textcolor rgb "#000000"
