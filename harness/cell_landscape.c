/* cell_landscape.c - the cell that walks over a loss landscape: at each point one
 * change of weights, then every set that wants it. */
#include "fault.h"
#include "landscape.h"
#include "survey.h"

static void visit(survey *s, const cell *k, const landscape *l, int i, int j)
{
    int64_t right;
    int gone = 0;
    for (int n = 0; n < s->nsets; n++) {
        const survey_set *set = &s->sets[n];
        if (!set->wanted[i * s->nsecond + j])
            continue;
        if (!gone++)
            landscape_go(l, s->first[i], s->second[j]);
        double loss = subset_loss(&set->images, k->net, &right);
        survey_tell(s, k, set, i, j, "loss=%.9g\tacc=%.9g\tcosine=%.9g", loss,
                    100.0 * (double)right / (double)set->images.n, l->cosine);
    }
}

int cell_landscape(cell *k)
{
    survey s;
    landscape l;
    int bn = 0, bias = 0;
    if (config_flag(k->c, "landscape.bn", &bn) != 0 || config_flag(k->c, "landscape.bias", &bias) != 0 ||
        survey_open(&s, k, ANALYSIS_LANDSCAPE) != 0)
        return -1;
    landscape_open(&l, k->net, (landscape_options){s.draw, bn, bias});
    for (int i = 0; i < s.nfirst; i++)
        for (int j = 0; j < s.nsecond; j++)
            visit(&s, k, &l, i, j);
    landscape_close(&l);
    survey_close(&s);
    return EXIT_OK;
}
