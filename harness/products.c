/* products.c - matrix products, the convolution trio, pooling, and the two
 * selections that rest on products and sorting. */
#define TX_PLAIN
#include "vjp.h"

#define SIMILARITIES (int64_t)1 << 24 /* at once, where the backend has no `nearest` */

static void need(const char *operation, const tensor *t, int extents)
{
    if (t->integer || (extents && t->d.n != extents))
        tx_die(operation, "%s, %d extents of reals are expected", tx_text(t), extents);
}

static void zero(tensor *y)
{
    engine.api->fill(engine.b, tx_data(y), y->count, 0);
}

/* --- Matrices --- */

tensor *tx_matmul(tensor *a, tensor *b, int ta, int tb)
{
    int64_t m = ta ? a->cols : a->rows, k = ta ? a->rows : a->cols;
    int64_t n = tb ? b->rows : b->cols, kb = tb ? b->cols : b->rows;

    if (a->integer || b->integer || a->d.n > 2 || b->d.n > 2 || k != kb)
        tx_die("tx_matmul", "%s%s times %s%s: inner extents %lld and %lld", tx_text(a), ta ? " transposed" : "",
               tx_text(b), tb ? " transposed" : "", (long long)k, (long long)kb);
    const real *pa = tx_data(a), *pb = tx_data(b);
    tensor *y = tx_new(DIMS(m, n));
    if (k == 0)
        zero(y);
    else if (y->count)
        engine.api->gemm(engine.b, !!ta, !!tb, m, n, k, pa, pb, 0, tx_data(y));
    node *s = record(y, OP_MATMUL, 2, 2, (tensor *[]){a, b});
    if (s)
        s->ta = !!ta, s->tb = !!tb;
    return y;
}

/* --- Convolutions --- */

bk_window tx_window(const char *operation, dims x, int64_t k, int r, int s, int stride, int pad)
{
    int64_t h = x.d[1] + 2 * pad - r, w = x.d[2] + 2 * pad - s;

    if (x.n != 4 || r < 1 || s < 1 || stride < 1 || pad < 0 || h < 0 || w < 0)
        tx_die(operation, "a window of %dx%d, stride %d, padding %d, does not fit images of %lldx%lld", r, s,
               stride, pad, (long long)x.d[1], (long long)x.d[2]);
    return (bk_window){.n = x.d[0],
                       .h = x.d[1],
                       .w = x.d[2],
                       .c = x.d[3],
                       .k = k,
                       .p = h / stride + 1,
                       .q = w / stride + 1,
                       .r = r,
                       .s = s,
                       .stride = stride,
                       .pad = pad};
}

static bool is(const tensor *t, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return tx_same_dims(t->d, DIMS(a, b, c, d));
}

static void record_window(tensor *y, enum operation op, int n, tensor *const in[], const bk_window *g)
{
    node *s = record(y, op, n, n, in);

    if (s)
        s->g = *g;
}

tensor *tx_conv(tensor *x, tensor *w, int stride, int pad)
{
    need("tx_conv", x, 4);
    need("tx_conv", w, 4);
    bk_window g = tx_window("tx_conv", x->d, w->d.d[0], (int)w->d.d[1], (int)w->d.d[2], stride, pad);
    if (w->d.d[3] != g.c)
        tx_die("tx_conv", "images %s, filters %s: the channels differ", tx_text(x), tx_text(w));
    const real *px = tx_data(x), *pw = tx_data(w);
    tensor *y = tx_new(DIMS(g.n, g.p, g.q, g.k));
    if (g.c == 0)
        zero(y);
    else if (y->count)
        engine.api->conv_y(engine.b, &g, tx_data(y), px, pw);
    record_window(y, OP_CONV, 2, (tensor *[]){x, w}, &g);
    return y;
}

tensor *tx_conv_x(tensor *y, tensor *w, int stride, int pad, dims d)
{
    need("tx_conv_x", y, 4);
    need("tx_conv_x", w, 4);
    bk_window g = tx_window("tx_conv_x", d, w->d.d[0], (int)w->d.d[1], (int)w->d.d[2], stride, pad);
    if (w->d.d[3] != g.c || !is(y, g.n, g.p, g.q, g.k))
        tx_die("tx_conv_x", "results %s, filters %s: [%lld,%lld,%lld,%lld] and %lld channels are expected",
               tx_text(y), tx_text(w), (long long)g.n, (long long)g.p, (long long)g.q, (long long)g.k,
               (long long)g.c);
    const real *py = tx_data(y), *pw = tx_data(w);
    tensor *x = tx_new(d);
    if (g.k == 0)
        zero(x);
    else if (x->count)
        engine.api->conv_x(engine.b, &g, tx_data(x), py, pw);
    record_window(x, OP_CONV_X, 2, (tensor *[]){y, w}, &g);
    return x;
}

tensor *tx_conv_w(tensor *x, tensor *y, int stride, int pad, dims d)
{
    need("tx_conv_w", x, 4);
    need("tx_conv_w", y, 4);
    bk_window g = tx_window("tx_conv_w", x->d, d.d[0], (int)d.d[1], (int)d.d[2], stride, pad);
    if (d.n != 4 || d.d[3] != g.c || !is(y, g.n, g.p, g.q, g.k))
        tx_die("tx_conv_w", "images %s, results %s: [%lld,%lld,%lld,%lld] is expected of the latter", tx_text(x),
               tx_text(y), (long long)g.n, (long long)g.p, (long long)g.q, (long long)g.k);
    const real *px = tx_data(x), *py = tx_data(y);
    tensor *w = tx_new(d);
    if (g.n == 0)
        zero(w);
    else if (w->count)
        engine.api->conv_w(engine.b, &g, tx_data(w), px, py);
    record_window(w, OP_CONV_W, 2, (tensor *[]){x, y}, &g);
    return w;
}

/* --- Pooling --- */

tensor *tx_maxpool(tensor *x, int window, int stride, int pad)
{
    need("tx_maxpool", x, 4);
    bk_window g = tx_window("tx_maxpool", x->d, x->d.d[3], window, window, stride, pad);
    if (pad >= window)
        tx_die("tx_maxpool", "%s: padding %d leaves windows of %d without an element", tx_text(x), pad, window);
    const real *px = tx_data(x);
    tensor *y = tx_new(DIMS(g.n, g.p, g.q, g.k)), *winners = tx_new_index(DIMS(g.n, g.p * g.q * g.k));
    if (y->count)
        engine.api->pool_max(engine.b, &g, tx_data(y), tx_indices(winners), px);
    node *s = record(y, OP_MAXPOOL, 1, 1, &x);
    if (s) {
        s->g = g;
        ad_save(s, winners);
    } else {
        tx_drop(winners);
    }
    return y;
}

tensor *tx_avgpool(tensor *x, int window, int stride, int pad)
{
    need("tx_avgpool", x, 4);
    bk_window g = tx_window("tx_avgpool", x->d, x->d.d[3], window, window, stride, pad);
    const real *px = tx_data(x);
    tensor *y = tx_new(DIMS(g.n, g.p, g.q, g.k));
    if (y->count)
        engine.api->pool_avg(engine.b, &g, tx_data(y), px);
    record_window(y, OP_AVGPOOL, 1, &x, &g);
    return y;
}

tensor *tx_avgpool_t(tensor *y, int window, int stride, int pad, dims d)
{
    need("tx_avgpool_t", y, 4);
    bk_window g = tx_window("tx_avgpool_t", d, d.d[3], window, window, stride, pad);
    if (!is(y, g.n, g.p, g.q, g.k))
        tx_die("tx_avgpool_t", "%s, [%lld,%lld,%lld,%lld] is expected", tx_text(y), (long long)g.n, (long long)g.p,
               (long long)g.q, (long long)g.k);
    const real *py = tx_data(y);
    tensor *x = tx_new(d);
    if (x->count)
        engine.api->pool_avg_t(engine.b, &g, tx_data(x), py);
    record_window(x, OP_AVGPOOL_T, 1, &y, &g);
    return x;
}

/* --- Selection, without derivative --- */

static tensor *values_and(tensor *values, tensor *indices, tensor **i)
{
    if (i)
        *i = indices;
    else
        tx_drop(indices);
    return values;
}

tensor *tx_topk(tensor *x, int64_t k, tensor **i)
{
    need("tx_topk", x, 0);
    if (k < 0 || k > x->cols)
        tx_die("tx_topk", "%s: %lld of %lld columns are asked for", tx_text(x), (long long)k, (long long)x->cols);
    const real *px = tx_data(x);
    tensor *y = tx_new(DIMS(x->rows, k)), *at = tx_new_index(y->d);
    if (y->count)
        engine.api->topk(engine.b, tx_data(y), tx_indices(at), px, x->rows, x->cols, k);
    return values_and(y, at, i);
}

/* Tiles of similarities, each sorted and forgotten. */
static void nearest_by_tiles(tensor *y, tensor *at, const tensor *a, const tensor *c, int64_t k)
{
    int64_t n = c->rows, d = c->cols, most = n < (SIMILARITIES) ? (SIMILARITIES) / n : 1;
    int64_t tile = most < a->rows ? most : a->rows;
    tensor *s = tx_new(DIMS(tile, n));

    for (int64_t first = 0; first < a->rows; first += tile) {
        int64_t rows = first + tile < a->rows ? tile : a->rows - first;
        if (d)
            engine.api->gemm(engine.b, 0, 1, rows, n, d, tx_data(a) + first * d, tx_data(c), 0, tx_data(s));
        else
            zero(s);
        engine.api->topk(engine.b, tx_data(y) + first * k, tx_indices(at) + first * k, tx_data(s), rows, n, k);
    }
    tx_drop(s);
}

tensor *tx_nearest(tensor *a, tensor *c, int64_t k, tensor **i)
{
    need("tx_nearest", a, 2);
    need("tx_nearest", c, 2);
    if (a->cols != c->cols || k < 0 || k > c->rows)
        tx_die("tx_nearest", "%lld of %s for %s: equal columns and at most all rows are expected", (long long)k,
               tx_text(c), tx_text(a));
    const real *pa = tx_data(a), *pc = tx_data(c);
    tensor *y = tx_new(DIMS(a->rows, k)), *at = tx_new_index(y->d);
    if (y->count && engine.fused && engine.api->nearest && a->cols)
        engine.api->nearest(engine.b, tx_data(y), tx_indices(at), pa, pc, a->rows, c->rows, a->cols, k);
    else if (y->count)
        nearest_by_tiles(y, at, a, c, k);
    return values_and(y, at, i);
}
