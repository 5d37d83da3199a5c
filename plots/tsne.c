/* tsne.c - t-SNE of penultimate features of in-distribution, covariate-shifted and
 * semantically shifted images, a layout per checkpoint, and beside it what a layout cannot
 * say: how far the sets are from each other among the features themselves. */
#include "../harness/tsne.h"
#include "../harness/cache.h"
#include "../harness/file.h"
#include "../harness/gap.h"
#include "../harness/text.h"
#include "kept.h"
#include "sampled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct layout {
    float *at;   /* [n][2] */
    float *fit;  /* divergence, crowded points */
    float *gaps; /* [nsets][4] from the ID set: centroid, energy, share, within */
} layout;

typedef struct drawing {
    const figure_input *in;
    tsne_options o;
    double samples, seed;
} drawing;

static int read_options(drawing *d)
{
    d->o = (tsne_options)TSNE_USUAL;
    if (figure_number(d->in, "samples", &d->samples, 10, 1e6) != 0 ||
        figure_number(d->in, "perplexity", &d->o.perplexity, 2, 1e4) != 0 ||
        figure_number(d->in, "seed", &d->seed, 0, 1e9) != 0)
        return -1;
    d->samples = floor(d->samples);
    d->seed = floor(d->seed);
    d->o.seed = (uint64_t)d->seed;
    return 0;
}

/* --- One layout, kept in the cache --- */

static char *ingredients_of(const drawing *d, const sampled *s)
{
    char digest[FILE_DIGEST];
    text t = {0};
    file_digest_bytes(digest, s->x, (size_t)(s->n * s->width) * sizeof *s->x);
    text_add(&t, "t-SNE of features, first version\nfeatures: %s\nperplexity: %.17g\nsteps: %lld\nexact: %lld\n",
             digest, d->o.perplexity, (long long)d->o.steps, (long long)d->o.exact);
    text_add(&t, "seed: %llu\nsets:", (unsigned long long)d->o.seed);
    for (int i = 0; i < s->nsets; i++)
        text_add(&t, " %lld", (long long)s->sets[i].n);
    text_char(&t, '\n');
    return t.bytes;
}

static void measure(layout *l, const sampled *s)
{
    const float *id = s->x + s->sets[0].first * s->width;
    l->gaps = text_more(NULL, (size_t)s->nsets * 4 * sizeof *l->gaps);
    for (int i = 0; i < s->nsets; i++) {
        const sampled_set *t = &s->sets[i];
        gap g = gap_between(id, s->sets[0].n, s->x + t->first * s->width, t->n, s->width, 0);
        const double values[4] = {g.centroid, g.energy, g.share, g.within};
        for (int k = 0; k < 4; k++)
            l->gaps[4 * i + k] = (float)values[k];
    }
}

static int compute(layout *l, const drawing *d, const sampled *s, const char *label)
{
    double *at = text_more(NULL, (size_t)s->n * 2 * sizeof *at);
    char *line = text_format("t-SNE of %s", label);
    tsne_options o = d->o;
    tsne_fit fit;
    o.label = line;
    int rc = tsne(at, &fit, s->x, s->n, s->width, &o);
    if (rc == 0) {
        l->at = text_more(NULL, (size_t)s->n * 2 * sizeof *l->at);
        l->fit = text_more(NULL, 2 * sizeof *l->fit);
        for (int64_t i = 0; i < 2 * s->n; i++)
            l->at[i] = (float)at[i];
        l->fit[0] = (float)fit.divergence;
        l->fit[1] = (float)fit.crowded;
        measure(l, s);
    }
    free(line);
    free(at);
    return rc;
}

/* folder: of the results, in whose cache the layout is kept. */
static int lay_out(layout *l, const drawing *d, const sampled *s, const char *label, const char *folder)
{
    char path[4096], *cache = text_format("%s/cache", folder), *ingredients = ingredients_of(d, s);
    cache_array a[3] = {{.name = "at", .type = CACHE_REAL},
                        {.name = "fit", .type = CACHE_REAL},
                        {.name = "gaps", .type = CACHE_REAL}};
    int rc = 0;
    cache_path(path, sizeof path, cache, "tsne", ingredients);
    if (cache_read(path, ingredients, a, 3)) {
        *l = (layout){a[0].values, a[1].values, a[2].values};
    } else if (d->in->at_hand) {
        rc = fault("plot tsne: not computed yet: `oodbench plot tsne %s` does it", folder);
    } else if ((rc = compute(l, d, s, label)) == 0) {
        const cache_array whole[3] = {{"at", CACHE_REAL, s->n, 2, l->at},
                                      {"fit", CACHE_REAL, 1, 2, l->fit},
                                      {"gaps", CACHE_REAL, s->nsets, 4, l->gaps}};
        rc = cache_write(path, ingredients, whole, 3);
    }
    free(ingredients);
    free(cache);
    return rc;
}

static void forget(layout *l)
{
    free(l->at);
    free(l->fit);
    free(l->gaps);
    *l = (layout){0};
}

/* --- Rows --- */

static void put_point(figure_data *out, const drawing *d, const char *label, const sampled *s, const layout *l,
                      int set, int64_t i)
{
    const sampled_set *t = &s->sets[set];
    data_text(out, label);
    data_text(out, t->group);
    data_text(out, t->name);
    if (set == 0)
        data_number(out, s->classes[t->first + i]);
    else
        data_none(out);
    data_number(out, (double)l->at[2 * (t->first + i)]);
    data_number(out, (double)l->at[2 * (t->first + i) + 1]);
    data_number(out, (double)l->fit[0]);
    data_number(out, d->o.perplexity);
    data_number(out, d->seed);
    for (int k = 0; k < 4; k++)
        data_number(out, (double)l->gaps[4 * set + k]);
}

/* A point of each set in turn, so that none is drawn on top of the others. */
static void put_layout(figure_data *out, const drawing *d, const char *label, const sampled *s, const layout *l)
{
    int64_t most = 0;
    for (int k = 0; k < s->nsets; k++)
        most = s->sets[k].n > most ? s->sets[k].n : most;
    for (int64_t i = 0; i < most; i++)
        for (int k = 0; k < s->nsets; k++)
            if (i < s->sets[k].n)
                put_point(out, d, label, s, l, k, i);
}

/* A line for each set beside the ID set. */
static void tell(figure_data *out, const char *label, const sampled *s, const layout *l)
{
    for (int k = 1; k < s->nsets; k++) {
        const float *g = l->gaps + 4 * k;
        data_note(out, "  %-16s %10.3f  %-16s %8.3g %8.3g %8.3g %8.2f", label, (double)l->fit[0], s->sets[k].name,
                  (double)g[3], (double)g[0], (double)g[1], (double)g[2]);
    }
    if (l->fit[1] > 0)
        data_note(out, "  %s: %.0f samples have more copies of themselves than the perplexity", label,
                  (double)l->fit[1]);
}

static void tell_samples(figure_data *out, const drawing *d, const sampled *s)
{
    text t = {0};
    for (int k = 0; k < s->nsets; k++)
        text_add(&t, "%s %lld of %s", k ? "," : "", (long long)s->sets[k].n, s->sets[k].name);
    data_note(out, "samples:%s; perplexity %g, seed %g", text_str(&t), d->o.perplexity, d->seed);
    data_note(out, "divergence of the layout; what no layout shows, distances from %s among features: within it,",
              s->sets[0].name);
    data_note(out, "between centroids, energy distance, and that as a share of the most it could be");
    data_note(out, "  %-16s %10s  %-16s %8s %8s %8s %8s", "model", "divergence", "set", "within", "centroid",
              "energy", "share");
    text_free(&t);
}

static int add_model(const drawing *d, const models *m, int model, figure_data *out, int first)
{
    sampled s;
    layout l = {0};
    if (sampled_make(&s, d->in, m, model, figure_value(d->in, "sets"), (int64_t)d->samples, d->o.seed) != 0)
        return -1;
    int rc = lay_out(&l, d, &s, m->label[model], d->in->sources[m->source[model]].folder);
    if (rc == 0) {
        if (first)
            tell_samples(out, d, &s);
        put_layout(out, d, m->label[model], &s, &l);
        tell(out, m->label[model], &s, &l);
    }
    forget(&l);
    sampled_free(&s);
    return rc;
}

/* By the method, or by the label. */
static int is_asked(const models *m, int model, const char *names)
{
    return kept_listed(names, m->label[model]) ||
           kept_listed(names, sheet_at(m->sheets[m->source[model]], m->row[model], ACCURACY_TRAIN));
}

static int data(const figure_input *in, figure_data *out)
{
    const char *names = figure_value(in, "train");
    drawing d = {.in = in};
    models m;
    if (read_options(&d) != 0 || models_make(&m, in, MODELS_OF_ACCURACY) != 0)
        return -1;
    int rc = 0, drawn = 0;
    text all = {0};
    for (int i = 0; i < m.n && rc == 0; i++) {
        text_add(&all, "%s%s", i ? ", " : "", m.label[i]);
        if (is_asked(&m, i, names))
            rc = add_model(&d, &m, i, out, drawn++ == 0);
    }
    if (rc == 0 && !drawn)
        rc = fault("plot tsne: --train: expected some of %s; found `%s`", text_str(&all), names);
    text_free(&all);
    models_free(&m);
    return rc;
}

static const figure_option options[] = {
    {"train", "", NULL, "training methods or labels, comma between them; all there are"},
    {"sets", "", NULL, "shifted and OOD sets, comma between them; the first shifted and the first far one"},
    {"samples", "3000", NULL, "images, in equal shares of ID, shifted and OOD"},
    {"perplexity", "30", NULL, "how many neighbours a point looks at"},
    {"seed", "0", NULL, "which images"},
    {0},
};

static const figure tsne_figure = {
    .name = "tsne",
    .help = "features of ID, shifted and OOD images in a plane",
    .columns = "model group set class x y divergence perplexity seed centroid energy share within",
    .numbers = "class x y divergence perplexity seed centroid energy share within",
    .varies = "x y set",
    .least = 10,
    .options = options,
    .data = data,
};
FIGURE(tsne_figure);
