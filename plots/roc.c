/* roc.c - receiver operating characteristic: of what is accepted at a threshold, the share
 * of all ID samples against the share of all OOD samples. */
#include "operating.h"

static void axes(const operating_point *p, double *x, double *y)
{
    *x = 100.0 * (double)p->ood / (double)p->n_ood;
    *y = 100.0 * (double)p->id / (double)p->n_id;
}

static int data(const figure_input *in, figure_data *out)
{
    return operating_data(in, out, RESULT_AUROC, axes);
}

static const figure_option options[] = {OPERATING_OPTIONS, {0}};

static const figure roc = {
    .name = "roc",
    .help = "ID accepted against OOD accepted, over all thresholds",
    .columns = "panel line auroc ood_accepted id_accepted",
    .numbers = "auroc ood_accepted id_accepted",
    .varies = "id_accepted",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(roc);
