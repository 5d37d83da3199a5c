/* prc.c - precision and recall over all thresholds, with the OOD samples as what is to be
 * found, or the ID samples. */
#include "operating.h"

#include <string.h>

/* Of nothing it is 1, as the metrics have it. */
static double precision(int64_t right, int64_t all)
{
    return all ? 100.0 * (double)right / (double)all : 100;
}

/* Accepted are ID samples. */
static void id_positive(const operating_point *p, double *x, double *y)
{
    *x = 100.0 * (double)p->id / (double)p->n_id;
    *y = precision(p->id, p->id + p->ood);
}

/* Flagged, that is not accepted, are OOD samples. */
static void ood_positive(const operating_point *p, double *x, double *y)
{
    int64_t found = p->n_ood - p->ood, flagged = found + p->n_id - p->id;
    *x = 100.0 * (double)found / (double)p->n_ood;
    *y = precision(found, flagged);
}

static int data(const figure_input *in, figure_data *out)
{
    int id = strcmp(figure_value(in, "positive"), "id") == 0;
    return operating_data(in, out, id ? RESULT_AUPR_IN : RESULT_AUPR_OUT, id ? id_positive : ood_positive);
}

static const figure_option options[] = {
    OPERATING_OPTIONS, {"positive", "ood", "ood id", "what is to be found"}, {0}};

static const figure prc = {
    .name = "prc",
    .help = "precision against recall, over all thresholds",
    .columns = "panel line aupr recall precision",
    .numbers = "aupr recall precision",
    .varies = "precision",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(prc);
