# roc.gp - ID accepted against OOD accepted, a panel per scorer (or set), a line per set (or
# scorer) with its AUROC. The dashed level is where 95 % of ID are accepted.

HERE = ARG0[1:strlen(ARG0) - strlen("roc.gp")]
call HERE."style.gp" ARG1 ARG2 ARG3

X = "ood_accepted"; Y = "id_accepted"; AREA = "auroc"
XLABEL = "OOD accepted (%)"; YLABEL = "ID accepted (%)"; LEVEL = 95; AT_LEFT = 0
load HERE."operating.gp"
