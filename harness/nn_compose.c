/* nn_compose.c - a range of stages layer by layer with public operations: what
 * serves every order of derivative, and any backend. */
#include "engine.h"
#include "network.h"

#include <stdlib.h>

typedef struct composition {
    const net_range *r;
    tensor *const *parameters;          /* of the range, in order; taken one by one */
    tensor *batch;                      /* receives batch statistics; NULL: nobody asks */
    int part;                           /* number of the layer's first part */
    tensor **y;                         /* of each layer of the range */
    bool discard;                       /* nothing is recorded: what is used up can go */
    void (*see)(void *to, tensor *map); /* of convolutions; NULL: nobody watches */
    void *to;
} composition;

static tensor *eval_norm(const bk_layer *l, tensor *x, tensor *gamma, tensor *beta, tensor *mean, tensor *var)
{
    tensor *scale = tx_div(gamma, tx_sqrt(tx_affine(var, 1, (double)l->eps)));
    return tx_add(tx_mul(x, scale), tx_sub(beta, tx_mul(mean, scale)));
}

static tensor *norm(composition *c, const bk_layer *l, tensor *x)
{
    const net_part *p = &c->r->n->parts[c->part];
    tensor *gamma = *c->parameters++, *beta = *c->parameters++, *mean, *var;
    if (c->r->mode == NN_EVAL)
        return eval_norm(l, x, gamma, beta, p[2].view, p[3].view);
    tensor *y = tx_batchnorm(x, gamma, beta, (double)l->eps, &mean, &var);
    if (c->batch) {
        int64_t at = l->stat - net_first(c->r)->stat;
        tx_assign(tx_view(c->batch, at, p[2].d), mean);
        tx_assign(tx_view(c->batch, at + p[2].count, p[3].d), var);
    }
    return y;
}

/* Zeros for channels that the input lacks, half of them in front. */
static tensor *widen(const bk_layer *l, tensor *x)
{
    if (l->g.stride > 1)
        x = tx_avgpool(x, 1, l->g.stride, 0);
    return l->g.k > l->g.c ? tx_embed_cols(x, (l->g.k - l->g.c) / 2, l->g.k) : x;
}

static tensor *apply(composition *c, const bk_layer *l, tensor *a, tensor *b)
{
    switch (l->kind) {
    case BK_CONV:
        return tx_conv(a, *c->parameters++, l->g.stride, l->g.pad);
    case BK_NORM:
        return norm(c, l, a);
    case BK_RELU:
        return tx_relu(a);
    case BK_PLUS:
        return tx_add(a, b);
    case BK_JOIN:
        return tx_concat_cols(a, b);
    case BK_POOL_MAX:
        return tx_maxpool(a, l->g.r, l->g.stride, l->g.pad);
    case BK_POOL_AVG:
        return tx_avgpool(a, l->g.r, l->g.stride, l->g.pad);
    case BK_WIDEN:
        return widen(l, a);
    }
    tx_die("nn_run", "a layer of unknown kind %d", (int)l->kind);
}

/* Drops what no layer behind number i reads any more. */
static void discard(composition *c, int i, int first, int last)
{
    const bk_layer *layers = c->r->n->layers;
    for (int side = 0; side < 2; side++) {
        int in = side ? layers[i].b : layers[i].a;
        if (in < first || !c->y[in - first])
            continue;
        bool read = false;
        for (int j = i + 1; j < last && !read; j++)
            read = layers[j].a == in || layers[j].b == in;
        if (read)
            continue;
        tx_drop(c->y[in - first]);
        c->y[in - first] = NULL;
    }
}

static tensor *compose(composition *c, tensor *const in[])
{
    net *n = c->r->n;
    int first = net_first(c->r)->layer, last = net_next(c->r)->layer;
    c->y = pool_host((size_t)(last - first) * sizeof *c->y);
    for (int i = first; i < last; i++) {
        const bk_layer *l = &n->layers[i];
        tensor *a = l->a < first ? in[0] : c->y[l->a - first], *b = l->b < first ? in[0] : c->y[l->b - first];
        if (c->discard)
            tx_open();
        tensor *y = apply(c, l, a, b);
        if (c->discard) {
            tx_keep(y);
            tx_close();
        }
        c->y[i - first] = y;
        if (c->see && l->kind == BK_CONV)
            c->see(c->to, y);
        while (c->part < n->nparts && n->parts[c->part].layer == i)
            c->part++;
        if (c->discard)
            discard(c, i, first, last);
    }
    tensor *y = c->y[last - 1 - first];
    free(c->y);
    return y;
}

tensor *net_compose(const net_range *r, tensor *const in[], tensor *batch, bool unrecorded)
{
    composition c = {.r = r, .parameters = in + 1, .batch = batch, .discard = unrecorded};
    c.part = net_first(r)->part;
    return compose(&c, in);
}

tensor **net_operands(const net_range *r, tensor *x, int *count)
{
    const net_stage *first = net_first(r), *next = net_next(r);
    tensor **in = pool_host((size_t)(next->part - first->part + 1) * sizeof *in);
    in[0] = x;
    *count = 1;
    for (int p = first->part; p < next->part; p++)
        if (net_is_parameter(&r->n->parts[p]))
            in[(*count)++] = r->n->parts[p].view;
    return in;
}

int nn_convolutions(const net *n)
{
    int count = 0;
    for (int i = 0; i < n->nlayers; i++)
        count += n->layers[i].kind == BK_CONV;
    return count;
}

void nn_watch(net *n, tensor *x, void (*see)(void *to, tensor *map), void *to)
{
    net_range r = {n, 0, n->nstages - 1, NN_EVAL};
    composition c = {.r = &r, .part = net_first(&r)->part, .discard = true, .see = see, .to = to};
    int count, recording = ad_record(0);
    net_check_input(&r, x);
    tensor **in = net_operands(&r, x, &count);
    c.parameters = in + 1;
    tx_drop(compose(&c, in));
    free(in);
    ad_record(recording);
}
