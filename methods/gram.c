/* gram.c - how far the correlations of a sample's maps lie outside of what the
 * training images of its class have shown.
 *
 * Of a map, channels by positions, and a power p: G is the p-th root, sign
 * kept, of the row sums of F^p F^p', for which that matrix is not needed. Each
 * class remembers the least and the greatest value of every row. A tenth of
 * its images is kept out of that, at random, and tells how far a layer
 * deviates usually; what never deviates is left out. The layers are the stages
 * of the network, or its convolutions, whose maps have either sign: what the
 * benchmark looks at, since the networks it was written for have no other
 * modules in their blocks. */
#include "method.h"

#include <string.h>

enum { ROWS = 128, HELD = 10 };  /* images at a time; one of so many is kept out */
static const double tiny = 1e-6; /* keeps bounds of zero from dividing */

enum { STAGES, CONVOLUTIONS };

struct gram {
    int64_t powers;
    int layers;
    tensor *low, *high; /* [classes,width] */
    tensor *weight;     /* [width]: one by the usual deviation of its layer */
};

static const param params[] = {
    PARAM(struct gram, powers, .init = 5, .min = 1, .max = 10, .refit = true,
          .help = "correlations of powers 1 to this one"),
    PARAM(struct gram, layers, .init = STAGES, .choices = "stages convolutions", .refit = true,
          .help = "whose maps; convolutions, before normalisation, are the benchmark's"),
};

/* [n,channels]; f is the p-th power of the map. */
static tensor *correlations(tensor *f, int64_t p)
{
    dims d = tx_dims(f);
    tensor *sums = tx_avgpool(tx_mul(f, tx_rowsum(f)), (int)d.d[1], 1, 0);
    sums = tx_scale(tx_reshape(sums, DIMS(d.d[0], d.d[3])), (double)(d.d[1] * d.d[2]));
    if (p == 1)
        return sums;
    tensor *root = tx_exp(tx_scale(tx_map(BK_LOG, tx_map(BK_ABS, sums)), 1 / (double)p));
    return tx_mul(root, tx_sign(sums));
}

typedef struct description {
    int64_t powers;
    tensor *all;   /* [n,width so far] */
    int64_t *ends; /* the width up to the end of each layer; NULL: nobody asks */
    int layers;    /* so far */
} description;

/* Maps are large, rows are not: the powers go as soon as they are used. */
static void add_layer(void *to, tensor *map)
{
    description *d = to;
    tensor *layer = NULL;
    tx_open();
    tensor *f = map;
    for (int64_t p = 1; p <= d->powers; p++) {
        f = p > 1 ? tx_mul(f, map) : f;
        layer = layer ? tx_concat_cols(layer, correlations(f, p)) : correlations(f, p);
    }
    d->all = tx_keep(d->all ? tx_concat_cols(d->all, layer) : layer);
    tx_close();
    if (d->ends)
        d->ends[d->layers++] = tx_cols(d->all);
}

static int count_layers(const struct gram *g, const net *n)
{
    return g->layers == CONVOLUTIONS ? nn_convolutions(n) : nn_stages(n) - 2;
}

/* [n,width] */
static tensor *describe(const struct gram *g, net *n, tensor *x, int64_t *ends)
{
    description d = {.powers = g->powers, .ends = ends};
    if (g->layers == CONVOLUTIONS)
        nn_watch(n, x, add_layer, &d);
    for (int stage = 0; g->layers == STAGES && stage < nn_stages(n) - 2; stage++)
        add_layer(&d, x = nn_run(n, x, stage, stage + 1));
    return d.all;
}

/* What fit gathers. Of `low` and `high` there is a row for each class. */
typedef struct gathered {
    int64_t n, classes, held, width;
    int32_t *labels, *of; /* of the images, of the rows of `kept` */
    bool *out;            /* kept out? */
    real *kept;           /* [held][width], in the order of the images */
    real *low, *high;
    int64_t *ends;
} gathered;

static void read_labels(gathered *t, run *r, int64_t *count)
{
    t->labels = run_scratch(r, (size_t)t->n * sizeof *t->labels);
    tx_read(samples_labels(run_split(r, RUN_TRAIN)), t->labels);
    for (int64_t i = 0; i < t->n; i++)
        if (t->labels[i] < 0 || t->labels[i] >= t->classes)
            run_refuse(r, "gram needs labelled training images, but number %lld has the label %d", (long long)i,
                       (int)t->labels[i]);
        else
            count[t->labels[i]]++;
}

/* Of every class a tenth, each choice as likely as any other. */
static void hold_out(gathered *t, run *r)
{
    int64_t *left = run_scratch(r, (size_t)t->classes * sizeof *left);
    int64_t *wanted = run_scratch(r, (size_t)t->classes * sizeof *wanted);
    read_labels(t, r, left);
    for (int64_t k = 0; k < t->classes; k++) {
        if (left[k] == 0)
            run_refuse(r, "gram needs training images of every class, but number %lld has none", (long long)k);
        t->held += wanted[k] = left[k] / HELD;
    }
    if (t->held == 0)
        run_refuse(r, "gram keeps one of %d training images out, but no class has that many", HELD);
    t->out = run_scratch(r, (size_t)t->n * sizeof *t->out);
    t->of = run_scratch(r, (size_t)t->held * sizeof *t->of);
    int32_t *of = t->of;
    for (int64_t i = 0; i < t->n; i++) {
        int32_t k = t->labels[i];
        t->out[i] = run_int(r, left[k]--) < wanted[k];
        wanted[k] -= t->out[i];
        if (t->out[i])
            *of++ = k;
    }
}

static void make_room(gathered *t, run *r)
{
    size_t cells = (size_t)(t->classes * t->width);
    t->kept = run_scratch(r, (size_t)(t->held * t->width) * sizeof *t->kept);
    t->low = run_scratch(r, cells * sizeof *t->low);
    t->high = run_scratch(r, cells * sizeof *t->high);
    for (size_t i = 0; i < cells; i++)
        t->low[i] = HUGE_VALF, t->high[i] = -HUGE_VALF;
}

static void widen(gathered *t, int64_t label, const real *g)
{
    real *low = t->low + label * t->width, *high = t->high + label * t->width;
    for (int64_t i = 0; i < t->width; i++) {
        low[i] = g[i] < low[i] ? g[i] : low[i];
        high[i] = g[i] > high[i] ? g[i] : high[i];
    }
}

/* Every training image once, a part of them at a time. */
static void gather(const struct gram *g, gathered *t, run *r)
{
    real *rows = NULL, *kept = NULL;
    for (int64_t first = 0; first < t->n; first += ROWS) {
        tx_open();
        tensor *all = describe(g, run_net(r), samples_input(run_part(r, RUN_TRAIN, first, ROWS)), t->ends);
        if (!rows) {
            t->width = tx_cols(all);
            make_room(t, r);
            rows = run_scratch(r, (size_t)(ROWS * t->width) * sizeof *rows);
            kept = t->kept;
        }
        tx_read(all, rows);
        tx_close();
        for (int64_t i = 0; i < ROWS && first + i < t->n; i++)
            if (t->out[first + i]) {
                memcpy(kept, rows + i * t->width, (size_t)t->width * sizeof *kept);
                kept += t->width;
            } else {
                widen(t, t->labels[first + i], rows + i * t->width);
            }
    }
}

/* relu(excess) / |bound + 1e-6| */
static tensor *share(tensor *excess, tensor *bound)
{
    return tx_div(tx_relu(excess), tx_map(BK_ABS, tx_affine(bound, 1, tiny)));
}

/* Of every value of G, from what its row's class has shown; [n,width]. */
static tensor *deviations(const struct gram *g, tensor *seen, tensor *classes)
{
    tensor *low = tx_take(g->low, classes), *high = tx_take(g->high, classes);
    return tx_add(share(tx_sub(low, seen), low), share(tx_sub(seen, high), high));
}

/* One by a layer's mean deviation, for each of its values; 0 where that is 0. */
static tensor *weights(const struct gram *g, const gathered *t, run *r, int layers)
{
    real *row = run_scratch(r, (size_t)t->width * sizeof *row);
    double *sums = run_scratch(r, (size_t)t->width * sizeof *sums), layer;
    for (int64_t i = 0, n; i < t->held; i += n) {
        n = t->held - i < ROWS ? t->held - i : ROWS;
        tx_open();
        tensor *seen = tx_from(DIMS(n, t->width), t->kept + i * t->width);
        tx_read(tx_colsum(deviations(g, seen, tx_index(DIMS(n, 1), t->of + i))), row);
        tx_close();
        for (int64_t j = 0; j < t->width; j++)
            sums[j] += (double)row[j];
    }
    for (int64_t l = 0, j = 0; l < layers; l++) {
        int64_t from = j;
        for (layer = 0; j < t->ends[l]; j++)
            layer += sums[j];
        for (j = from; j < t->ends[l]; j++)
            row[j] = (real)(layer > 0 ? (double)t->held / layer : 0);
    }
    return tx_from(DIMS(t->width), row);
}

static void fit(void *self, run *r)
{
    struct gram *g = self;
    int layers = count_layers(g, run_net(r));
    gathered t = {.n = samples_count(run_split(r, RUN_TRAIN)), .classes = run_classes(r)};
    t.ends = run_scratch(r, (size_t)layers * sizeof *t.ends);
    hold_out(&t, r);
    gather(g, &t, r);
    g->low = tx_from(DIMS(t.classes, t.width), t.low);
    g->high = tx_from(DIMS(t.classes, t.width), t.high);
    g->weight = weights(g, &t, r, layers);
}

/* The quotient by the largest probability is a product with sum exp(f - max f). */
static tensor *score(void *self, run *r, samples *s)
{
    const struct gram *g = self;
    tensor *f = samples_logits(s), *seen = describe(g, run_net(r), samples_input(s), NULL);
    tensor *total = tx_rowsum(tx_mul(deviations(g, seen, tx_argmax(f)), g->weight));
    return tx_scale(tx_mul(total, tx_rowsum(tx_exp(tx_sub(f, tx_rowmax(f))))), -1);
}

const method method_entry = {METHOD_HEAD,    .name = "gram", .cite = "Sastry and Oore 2020",
                             .inputs = true, .fit = fit,     PARAMS(struct gram, params),
                             .score = score};
