/* cell_sharpness.c - the cell that looks for the largest loss near a network: from
 * radius to radius, from several starts, on every set. What a search has found at
 * its last radius is kept in the cache, so that it goes on from there. */
#include "../kernels/random.h"
#include "ascent.h"
#include "cache.h"
#include "engine.h"
#include "fault.h"
#include "file.h"
#include "survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STARTS = 1 }; /* branch of `draw`; subset.c has those of how many images there are */

/* A network's loss as ascent.h wants it. */
typedef struct surface {
    net *n;
    const subset *images;
    real *home, *there; /* weights, and where the loss was last asked for */
} surface;

static double loss_at(void *self, const double *eps, double *g)
{
    surface *f = self;
    int64_t n = nn_parameters(f->n);
    for (int64_t i = 0; i < n; i++)
        f->there[i] = (real)((double)f->home[i] + eps[i]);
    tx_open();
    tx_assign(nn_weights(f->n), tx_from(DIMS(n), f->there));
    tx_close();
    if (!g)
        return subset_loss(f->images, f->n, NULL);
    double loss = subset_gradient(f->images, f->n);
    tx_read(nn_grads(f->n), f->there);
    for (int64_t i = 0; i < n; i++)
        g[i] = (double)f->there[i];
    return loss;
}

/* One search on one set: its state between radii, in float, as the cache keeps it. */
typedef struct search {
    survey *s;
    const cell *k;
    const survey_set *set;
    ascent a;
    int restart;
    double *eps, increase;
} search;

static void ingredients(const search *q, int radius, char *text, size_t cap)
{
    snprintf(text, cap, "search %s on %s %s, start %d, radius %d of %d\n", q->k->run, q->set->name, q->set->split,
             q->restart, radius, q->s->nsecond);
}

static char *state_path(const search *q, char path[4096])
{
    char name[64];
    snprintf(name, sizeof name, "%s-search.h5", q->k->run);
    return file_join(path, 4096, q->k->extractor.cache, name);
}

/* What was found is rounded either way, so that going on later goes on alike. */
static int keep(search *q, int radius)
{
    char text[512], path[4096];
    float *eps = pool_host((size_t)q->a.n * sizeof *eps), increase = (float)q->increase;
    for (int64_t i = 0; i < q->a.n; i++)
        q->eps[i] = eps[i] = (float)q->eps[i];
    q->increase = increase;
    cache_array a[] = {{"eps", CACHE_REAL, q->a.n, 1, eps}, {"increase", CACHE_REAL, 1, 1, &increase}};
    ingredients(q, radius, text, sizeof text);
    int rc = cache_write(state_path(q, path), text, a, 2);
    free(eps);
    return rc;
}

/* What the search had found before this radius, if it is the one that is kept. */
static int take_up(search *q, int radius)
{
    char text[512], path[4096];
    cache_array a[] = {{.name = "eps", .type = CACHE_REAL}, {.name = "increase", .type = CACHE_REAL}};
    ingredients(q, radius - 1, text, sizeof text);
    if (radius < 1 || !cache_read(state_path(q, path), text, a, 2))
        return 0;
    int fits = a[0].rows == q->a.n && a[0].cols == 1 && a[1].rows == 1 && a[1].cols == 1;
    for (int64_t i = 0; fits && i < q->a.n; i++)
        q->eps[i] = (double)((float *)a[0].values)[i];
    if (fits)
        q->increase = (double)*(float *)a[1].values;
    free(a[0].values);
    free(a[1].values);
    return fits;
}

/* The first search starts from the network; others at random on the first sphere. */
static void begin(search *q, double rho)
{
    uint64_t seed = random_stream(random_stream(q->s->draw, STARTS), (uint64_t)q->restart);
    for (int64_t i = 0; i < q->a.n; i++)
        q->eps[i] = q->restart ? (double)random_normal(seed, (uint64_t)i) : 0;
    ascent_scale(q->eps, q->a.n, rho);
    q->increase = q->restart ? -INFINITY : 0;
}

/* All radii that are missing, and, unless its state was kept, those before them. */
static int climb(search *q, const double *g)
{
    survey *s = q->s;
    const unsigned char *wanted = q->set->wanted + q->restart * s->nsecond;
    int first = 0, last = s->nsecond - 1, at, begun, rc = 0;
    while (first <= last && !wanted[first])
        first++;
    while (last >= first && !wanted[last])
        last--;
    begun = take_up(q, first);
    for (at = begun ? first : 0; rc == 0 && at <= last; at++) {
        double rho = s->second[at];
        if (!begun && rho > 0)
            begin(q, rho);
        begun |= rho > 0;
        if (rho > 0) {
            ascend(&q->a, rho, q->eps, &q->increase);
            rc = keep(q, at);
        }
        if (rc == 0 && wanted[at])
            survey_tell(s, q->k, q->set, q->restart, at, "sharpness=%.9g\tone_step=%.9g\tloss=%.9g\tprecision=%s",
                        rho > 0 ? fmax(q->increase, 0) : 0, ascend_once(&q->a, rho, g), q->a.base,
                        strcmp(q->k->extractor.precision, "tf32") == 0 ? "tf32" : "f32");
    }
    return rc;
}

static int search_set(survey *s, const cell *k, const survey_set *set, surface *f)
{
    search q = {.s = s, .k = k, .set = set};
    int64_t steps = 20, n = nn_parameters(k->net);
    int rc = config_int(k->c, "sharpness.steps", &steps, 1, INT64_MAX);
    double *g = pool_host((size_t)n * sizeof *g);
    q.eps = pool_host((size_t)n * sizeof *q.eps);
    f->images = &set->images;
    q.a = (ascent){.n = n, .steps = steps, .loss = loss_at, .self = f};
    q.a.base = loss_at(f, q.eps, g);
    if (!isfinite(q.a.base))
        rc = fault("the loss of %s on %s %s is not finite: there is nothing to climb from", nn_name(k->net),
                   set->name, set->split);
    for (; rc == 0 && q.restart < s->nfirst; q.restart++)
        rc = climb(&q, g);
    free(q.eps);
    free(g);
    return rc;
}

int cell_sharpness(cell *k)
{
    survey s;
    char path[4096];
    if (survey_open(&s, k, ANALYSIS_SHARPNESS) != 0)
        return -1;
    nn_precision(k->net, 0); /* gradients of weights in evaluation are taken in float */
    size_t bytes = (size_t)nn_parameters(k->net) * sizeof(real);
    surface f = {.n = k->net, .home = pool_host(bytes), .there = pool_host(bytes)};
    tx_read(nn_weights(k->net), f.home);
    int rc = EXIT_OK;
    for (int i = 0; rc == EXIT_OK && i < s.nsets; i++)
        if (s.sets[i].left)
            rc = search_set(&s, k, &s.sets[i], &f);
    if (rc == EXIT_OK) /* the last search's */
        unlink(state_path(&(search){.k = k}, path));
    free(f.home);
    free(f.there);
    survey_close(&s);
    return rc;
}
