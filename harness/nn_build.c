/* nn_build.c - appends layers to a network, gives each parameter its slice of
 * one vector, and draws the first values. Assumes an open device. */
#include "engine.h"
#include "network.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/random.h"

static const double norm_eps = 1e-5; /* PyTorch's default, which all the originals keep */

bk_window net_out(const net *n, int x)
{
    if (x >= 0)
        return n->layers[x].g;
    return (bk_window){.p = n->side, .q = n->side, .k = 3};
}

/* Room for one more behind `count`: doubles at powers of two. */
static void *grown(void *list, int count, size_t size)
{
    if (count & (count - 1) || (count < 16 && count > 0))
        return list;
    return text_more(list, (count < 16 ? 16 : 2 * (size_t)count) * size);
}

/* Input extents from layer `a`; output extents as given. */
static int append(net *n, bk_layer l)
{
    bk_window in = net_out(n, l.a);
    l.g.h = in.p;
    l.g.w = in.q;
    l.g.c = in.k;
    n->layers = grown(n->layers, n->nlayers, sizeof *n->layers);
    n->layers[n->nlayers] = l;
    return n->nlayers++;
}

static bk_layer layer(enum bk_kind kind, int a, int b)
{
    return (bk_layer){.kind = kind, .a = a, .b = b, .weight = -1, .bias = -1, .stat = -1};
}

static bk_window same_out(const net *n, int x, int64_t k)
{
    bk_window g = net_out(n, x);
    return (bk_window){.k = k ? k : g.k, .p = g.p, .q = g.q, .r = 1, .s = 1, .stride = 1};
}

static bk_window window_out(const net *n, int x, int64_t k, int window, int stride, int pad)
{
    bk_window in = net_out(n, x), g = {.k = k, .r = window, .s = window, .stride = stride, .pad = pad};
    g.p = (in.p + 2 * pad - window) / stride + 1;
    g.q = (in.q + 2 * pad - window) / stride + 1;
    return g;
}

static bool is_stat(enum part_kind kind)
{
    return kind == PART_MEAN || kind == PART_VARIANCE;
}

/* A part of the next layer to be appended (or of the head); returns its offset. */
static int64_t add_part(net *n, enum part_kind kind, const char *name, dims d)
{
    static const char *const suffix[PART_KINDS] = {"weight",      "weight", "bias", "running_mean",
                                                   "running_var", "weight", "bias"};
    n->parts = grown(n->parts, n->nparts, sizeof *n->parts);
    net_part *p = &n->parts[n->nparts++];
    *p = (net_part){.kind = kind, .layer = n->nlayers, .d = d, .count = 1};
    snprintf(p->name, sizeof p->name, "%s.%s", name, suffix[kind]);
    for (int i = 0; i < d.n; i++)
        p->count *= d.d[i];
    int64_t *end = is_stat(kind) ? &n->nstats : &n->nweights;
    p->offset = *end;
    *end += p->count;
    return p->offset;
}

void net_begin(net *n, const char *stage)
{
    if (n->nstages == NET_STAGES)
        tx_die("nn_build", "%s has more than %d stages", n->name, NET_STAGES);
    net_stage *s = &n->stages[n->nstages++];
    *s = (net_stage){.layer = n->nlayers, .part = n->nparts, .weight = n->nweights, .stat = n->nstats};
    snprintf(s->name, sizeof s->name, "%s", stage);
}

int net_conv(net *n, int x, const char *name, int64_t k, int window, int stride, int pad)
{
    bk_layer l = layer(BK_CONV, x, -1);
    l.g = window_out(n, x, k, window, stride, pad);
    l.weight = add_part(n, PART_FILTER, name, DIMS(k, window, window, net_out(n, x).k));
    return append(n, l);
}

int net_norm(net *n, int x, const char *name)
{
    bk_layer l = layer(BK_NORM, x, -1);
    dims d = DIMS(net_out(n, x).k);
    l.g = same_out(n, x, 0);
    l.weight = add_part(n, PART_GAMMA, name, d);
    l.bias = add_part(n, PART_BETA, name, d);
    l.stat = add_part(n, PART_MEAN, name, d);
    add_part(n, PART_VARIANCE, name, d);
    l.eps = (real)norm_eps;
    return append(n, l);
}

int net_relu(net *n, int x)
{
    bk_layer l = layer(BK_RELU, x, -1);
    l.g = same_out(n, x, 0);
    return append(n, l);
}

int net_plus(net *n, int a, int b)
{
    bk_layer l = layer(BK_PLUS, a, b);
    l.g = same_out(n, a, 0);
    return append(n, l);
}

int net_join(net *n, int a, int b)
{
    bk_layer l = layer(BK_JOIN, a, b);
    l.g = same_out(n, a, net_out(n, a).k + net_out(n, b).k);
    return append(n, l);
}

int net_pool_max(net *n, int x, int window, int stride, int pad)
{
    bk_layer l = layer(BK_POOL_MAX, x, -1);
    l.g = window_out(n, x, net_out(n, x).k, window, stride, pad);
    return append(n, l);
}

int net_pool_avg(net *n, int x, int window)
{
    bk_layer l = layer(BK_POOL_AVG, x, -1);
    l.g = window_out(n, x, net_out(n, x).k, window, window, 0);
    return append(n, l);
}

int net_widen(net *n, int x, int64_t k, int stride)
{
    bk_layer l = layer(BK_WIDEN, x, -1);
    l.g = window_out(n, x, k, 1, stride, 0);
    return append(n, l);
}

void net_head(net *n, const char *name)
{
    net_begin(n, "head");
    add_part(n, PART_WEIGHT, name, DIMS(n->classes, n->features));
    add_part(n, PART_BIAS, name, DIMS(n->classes));
    for (int i = n->stages[n->nstages - 1].part; i < n->nparts; i++)
        n->parts[i].layer = -1;
    n->stages[n->nstages] =
        (net_stage){.layer = n->nlayers, .part = n->nparts, .weight = n->nweights, .stat = n->nstats};
}

/* Filters: normal with variance 2 / (outputs that see an input), He et al.
 * 2015, as the originals do; the head: uniform within 1 / sqrt(inputs),
 * PyTorch's default. Part number i draws from a stream of its own. */
static void draw(const net_part *p, real *out, uint64_t seed, int64_t features)
{
    double bound = 1 / sqrt((double)features), deviation = 0;
    if (p->kind == PART_FILTER)
        deviation = sqrt(2.0 / (double)(p->d.d[0] * p->d.d[1] * p->d.d[2]));
    for (int64_t i = 0; i < p->count; i++)
        switch (p->kind) {
        case PART_FILTER:
            out[i] = (float)(deviation * (double)random_normal(seed, (uint64_t)i));
            break;
        case PART_WEIGHT:
        case PART_BIAS:
            out[i] = (float)(bound * (2 * (double)random_uniform(seed, (uint64_t)i) - 1));
            break;
        default:
            out[i] = p->kind == PART_GAMMA || p->kind == PART_VARIANCE;
        }
}

/* seed NULL: zeros, which cost nothing. */
static void allocate(net *n, const uint64_t *seed)
{
    real *weights = pool_host((size_t)n->nweights * sizeof *weights);
    real *stats = pool_host((size_t)n->nstats * sizeof *stats);
    for (int i = 0; seed && i < n->nparts; i++) {
        const net_part *p = &n->parts[i];
        draw(p, (is_stat(p->kind) ? stats : weights) + p->offset, random_stream(*seed, (uint64_t)i), n->features);
    }
    n->weights = tx_from(DIMS(n->nweights), weights);
    n->stats = tx_from(DIMS(n->nstats), stats);
    n->grads = tx_full(DIMS(n->nweights), 0);
    n->unbias = tx_full(DIMS(n->nstats), 1);
    free(weights);
    free(stats);
    for (int i = 0; i < n->nparts; i++) {
        net_part *p = &n->parts[i];
        p->view = tx_view(is_stat(p->kind) ? n->stats : n->weights, p->offset, p->d);
        if (!is_stat(p->kind))
            ad_parameter(p->view, tx_view(n->grads, p->offset, p->d));
    }
}

int net_outline(net **out, const char *name, int64_t classes, int64_t side)
{
    net *n = pool_host(sizeof *n);
    n->classes = classes;
    n->side = side;
    *out = NULL;
    if (model_layers(n, name) != 0) {
        free(n);
        return -1;
    }
    *out = n;
    return 0;
}

int net_build(net **out, const char *name, int64_t classes, int64_t side, uint64_t seed)
{
    if (net_outline(out, name, classes, side) != 0)
        return -1;
    allocate(*out, &seed);
    return 0;
}

int nn_read(net **out, const char *name, int64_t classes, const char *path)
{
    if (net_outline(out, name, classes, 0) != 0)
        return -1;
    allocate(*out, NULL);
    return nn_load(*out, path);
}

int nn_build(net **out, const char *name, int64_t classes, uint64_t seed)
{
    return net_build(out, name, classes, 0, seed);
}

void nn_build_head(net **out, int64_t classes, int64_t features)
{
    net *n = pool_host(sizeof *n);
    n->name = "head";
    n->classes = classes;
    n->features = features;
    net_head(n, "head");
    allocate(n, 0);
    tx_open();
    tx_assign(n->weights, tx_full(DIMS(n->nweights), 0));
    tx_close();
    *out = n;
}

static void drop_values(net *n)
{
    for (int i = 0; i < n->nparts; i++) {
        net_part *p = &n->parts[i];
        if (p->view->grad)
            tx_drop(p->view->grad);
        tx_drop(p->view);
    }
    tx_drop(n->weights);
    tx_drop(n->grads);
    tx_drop(n->stats);
    tx_drop(n->unbias);
}

void nn_free(net *n)
{
    if (!n)
        return;
    net_drop_plans(n);
    if (n->weights)
        drop_values(n);
    free(n->layers);
    free(n->parts);
    free(n);
}

const char *nn_name(const net *n)
{
    return n->name;
}

int64_t nn_classes(const net *n)
{
    return n->classes;
}

int64_t nn_features(const net *n)
{
    return n->features;
}

int64_t nn_side(const net *n)
{
    return n->side;
}

int64_t nn_parameters(const net *n)
{
    return n->nweights;
}

tensor *nn_weights(net *n)
{
    return n->weights;
}

tensor *nn_grads(net *n)
{
    return n->grads;
}

tensor *nn_stats(net *n)
{
    return n->stats;
}

tensor *nn_head_weight(net *n)
{
    return n->parts[n->nparts - 2].view;
}

tensor *nn_head_bias(net *n)
{
    return n->parts[n->nparts - 1].view;
}

enum nn_mode nn_mode(net *n, enum nn_mode mode)
{
    enum nn_mode was = n->mode;
    n->mode = mode;
    return was;
}

void nn_precision(net *n, int bf16)
{
    n->bf16 = bf16 != 0;
}

unsigned nn_trained(const net *n)
{
    return n->trained;
}
