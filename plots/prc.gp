# prc.gp - precision against recall, a panel per scorer (or set), a line per set (or scorer)
# with the area under it.

HERE = ARG0[1:strlen(ARG0) - strlen("prc.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

X = "recall"; Y = "precision"; AREA = "aupr"
XLABEL = "recall (%)"; YLABEL = "precision (%)"; LEVEL = 0; AT_LEFT = 1
load HERE."operating.gp"
