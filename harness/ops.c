/* ops.c - values in and out, arithmetic, reductions, composites, and the writes
 * in place. Movement is in move.c, products and pooling are in products.c. */
#define TX_PLAIN
#include <math.h>
#include <string.h>

#include "pool.h"
#include "ranks.h"
#include "vjp.h"

/* --- Reading and making --- */

static char *data(const tensor *t)
{
    if (!t || !t->mem)
        tx_die("tensor",
               t && t->scope != -1
                   ? "%s was given back by a backward pass: AD_RETAIN keeps it, tx_copy saves its values"
                   : "%s is used after its scope was closed: tx_keep moves it to the enclosing one",
               tx_text(t));
    return t->mem->at;
}

real *tx_data(const tensor *t)
{
    return (real *)data(t) + t->offset;
}

int32_t *tx_indices(const tensor *t)
{
    char *at = data(t);

    if (!t->integer)
        tx_die("tensor", "%s are no indices: tx_index or tx_topk make them", tx_text(t));
    return (int32_t *)at + t->offset;
}

/* Addresses of operands: reals only. */
static const real *in(const char *operation, const tensor *t)
{
    const real *at = tx_data(t);

    if (t->integer)
        tx_die(operation, "%s, reals are expected", tx_text(t));
    return at;
}

dims tx_dims(const tensor *t)
{
    return t->d;
}

int64_t tx_rows(const tensor *t)
{
    return t->rows;
}

int64_t tx_cols(const tensor *t)
{
    return t->cols;
}

bool tx_same_dims(dims a, dims b)
{
    return a.n == b.n && memcmp(a.d, b.d, (size_t)a.n * sizeof a.d[0]) == 0;
}

dims tx_dims_with(dims d, int axis, int64_t extent)
{
    d.d[axis] = extent;
    return d;
}

tensor *tx_full(dims d, real value)
{
    tensor *y = tx_new(d);

    engine.api->fill(engine.b, tx_data(y), y->count, value);
    return y;
}

tensor *tx_from(dims d, const real *host)
{
    tensor *y = tx_new(d);

    engine.api->write(engine.b, tx_data(y), host, (size_t)y->count * sizeof(real));
    return y;
}

tensor *tx_index(dims d, const int32_t *host)
{
    tensor *y = tx_new_index(d);

    engine.api->write(engine.b, tx_indices(y), host, (size_t)y->count * sizeof(int32_t));
    return y;
}

static size_t bytes_of(const tensor *t)
{
    return (size_t)t->count * (t->integer ? sizeof(int32_t) : sizeof(real));
}

static void *address(const tensor *t)
{
    return t->integer ? (void *)tx_indices(t) : (void *)tx_data(t);
}

tensor *tx_copy(tensor *x)
{
    void *from = address(x);
    tensor *y = x->integer ? tx_new_index(x->d) : tx_new(x->d);

    engine.api->copy(engine.b, address(y), from, bytes_of(x));
    return y;
}

void tx_read(const tensor *t, void *to)
{
    engine.api->read(engine.b, to, address(t), bytes_of(t));
    pool_waited();
}

double tx_item(const tensor *t)
{
    real value;

    if (t->count != 1 || t->integer)
        tx_die("tx_item", "%s, one real is expected", tx_text(t));
    tx_read(t, &value);
    return value;
}

/* --- Vector meets array --- */

bool tx_meet(const tensor *v, dims d, meeting *m)
{
    int64_t rows = 1, cols = d.d[d.n - 1];

    for (int i = 0; i < d.n - 1; i++)
        rows *= d.d[i];
    if (tx_same_dims(v->d, d))
        *m = (meeting){1, v->count, 1};
    else if (v->count == 1)
        *m = (meeting){rows * cols, 1, 1};
    else if (v->rows == 1 && v->cols == cols)
        *m = (meeting){rows, cols, 1};
    else if (v->cols == 1 && v->rows == rows)
        *m = (meeting){1, rows, cols};
    else
        return false;
    return true;
}

static tensor *zip(enum bk_zip op, tensor *a, tensor *b)
{
    static const char *const names[] = {"tx_add", "tx_sub", "tx_mul", "tx_div"};
    static const enum operation operations[] = {OP_ADD, OP_SUB, OP_MUL, OP_DIV};
    const real *pa = in(names[op], a), *pb = in(names[op], b);
    meeting m;

    if (!tx_meet(b, a->d, &m))
        tx_die(names[op],
               "%s and %s: the second must have the extents of the first, or be a vector of its columns, "
               "a column of its rows or one element",
               tx_text(a), tx_text(b));
    tensor *y = tx_new(a->d);
    if (y->count)
        engine.api->zip(engine.b, op, tx_data(y), pa, pb, m.outer, m.mid, m.inner);
    record(y, operations[op], 2, 2, (tensor *[]){a, b});
    return y;
}

tensor *tx_add(tensor *a, tensor *b)
{
    return zip(BK_ADD, a, b);
}

tensor *tx_sub(tensor *a, tensor *b)
{
    return zip(BK_SUB, a, b);
}

tensor *tx_mul(tensor *a, tensor *b)
{
    return zip(BK_MUL, a, b);
}

tensor *tx_div(tensor *a, tensor *b)
{
    return zip(BK_DIV, a, b);
}

tensor *tx_spread(tensor *v, dims d)
{
    const real *pv = in("tx_spread", v);
    tensor *y = tx_new(d);
    meeting m;

    if (!tx_meet(v, d, &m))
        tx_die("tx_spread", "%s does not fit to %s: neither its columns, its rows nor one element", tx_text(v),
               tx_text(y));
    if (y->count)
        engine.api->spread(engine.b, tx_data(y), pv, m.outer, m.mid, m.inner);
    record(y, OP_SPREAD, 1, 1, &v);
    return y;
}

/* --- Element by element --- */

tensor *tx_affine(tensor *x, double scale, double shift)
{
    const real *px = in("tx_affine", x);
    tensor *y = tx_new(x->d);

    engine.api->affine(engine.b, tx_data(y), px, x->count, (real)scale, (real)shift);
    node *n = record(y, OP_AFFINE, 1, 1, &x);
    if (n)
        n->lo = scale;
    return y;
}

tensor *tx_map(enum bk_map op, tensor *x)
{
    static const enum operation operations[] = {
        [BK_NEG] = OP_NEG,   [BK_ABS] = OP_ABS,     [BK_EXP] = OP_EXP,      [BK_LOG] = OP_LOG,
        [BK_SQRT] = OP_SQRT, [BK_RECIP] = OP_RECIP, [BK_SQUARE] = OP_SQUARE};
    const real *px = in("tx_map", x);
    tensor *y = tx_new(x->d);

    engine.api->map(engine.b, op, tx_data(y), px, x->count);
    if (op != BK_SIGN) /* constant wherever it has a derivative */
        record(y, operations[op], 1, 1, &x);
    return y;
}

tensor *tx_clamp(tensor *x, double lo, double hi)
{
    const real *px = in("tx_clamp", x);
    tensor *y = tx_new(x->d);

    if (lo > hi)
        tx_die("tx_clamp", "%s: the lower end %g is above the upper %g", tx_text(x), lo, hi);
    engine.api->clamp(engine.b, tx_data(y), px, x->count, (real)lo, (real)hi);
    node *n = record(y, OP_CLAMP, 1, 1, &x);
    if (n)
        n->lo = lo, n->hi = hi;
    return y;
}

tensor *tx_within(tensor *v, tensor *r, double lo, double hi)
{
    const real *pv = in("tx_within", v), *pr = in("tx_within", r);

    if (!tx_same_dims(v->d, r->d))
        tx_die("tx_within", "%s and %s: equal extents are expected", tx_text(v), tx_text(r));
    tensor *y = tx_new(v->d);
    engine.api->within(engine.b, tx_data(y), pv, pr, v->count, (real)lo, (real)hi);
    node *n = record(y, OP_WITHIN, 1, 2, (tensor *[]){v, r});
    if (n)
        n->lo = lo, n->hi = hi;
    return y;
}

/* --- Reductions: of no terms the sum is 0 --- */

static tensor *fold(const char *name, enum operation op, tensor *x, dims d, meeting m)
{
    const real *px = in(name, x);
    tensor *y = tx_new(d);

    if (x->count)
        engine.api->fold(engine.b, BK_SUM, tx_data(y), px, m.outer, m.mid, m.inner);
    else
        engine.api->fill(engine.b, tx_data(y), y->count, 0);
    record(y, op, 1, 1, &x);
    return y;
}

tensor *tx_sum(tensor *x)
{
    return fold("tx_sum", OP_SUM, x, DIMS(1), (meeting){x->count, 1, 1});
}

tensor *tx_rowsum(tensor *x)
{
    return fold("tx_rowsum", OP_ROWSUM, x, DIMS(x->rows, 1), (meeting){1, x->rows, x->cols});
}

tensor *tx_colsum(tensor *x)
{
    return fold("tx_colsum", OP_COLSUM, x, DIMS(x->cols), (meeting){x->rows, x->cols, 1});
}

tensor *tx_mean(tensor *x)
{
    return tx_affine(tx_sum(x), 1.0 / (double)x->count, 0); /* of nothing: 0 times infinity, not a number */
}

tensor *tx_lse(tensor *x)
{
    const real *px = in("tx_lse", x);
    tensor *y = tx_new(DIMS(x->rows, 1));

    if (x->cols)
        engine.api->lse(engine.b, tx_data(y), px, x->rows, x->cols);
    else
        engine.api->fill(engine.b, tx_data(y), y->count, (real)-INFINITY);
    record(y, OP_LSE, 1, 1, &x);
    return y;
}

/* --- Composites --- */

tensor *tx_log_softmax(tensor *x)
{
    const real *px = in("tx_log_softmax", x);
    int recording = ad_record(0);
    tensor *y;

    if (engine.fused && engine.api->log_softmax) {
        y = tx_new(x->d);
        if (y->count)
            engine.api->log_softmax(engine.b, tx_data(y), px, x->rows, x->cols);
    } else {
        tensor *l = tx_lse(x);
        y = tx_sub(x, l);
        tx_drop(l);
    }
    ad_record(recording);
    record(y, OP_LOG_SOFTMAX, 1, 1, &x);
    return y;
}

/* y, mean, var of a batch by public operations. */
static void normalise(tensor *x, tensor *gamma, tensor *beta, double eps, tensor *out[3])
{
    double m = (double)x->rows * ranks_count();

    tx_open();
    out[1] = tx_scale(ranks_total(tx_colsum(x)), 1 / m);
    tensor *centred = tx_sub(x, out[1]);
    out[2] = tx_scale(ranks_total(tx_colsum(tx_square(centred))), 1 / m);
    tensor *r = tx_map(BK_RECIP, tx_sqrt(tx_affine(out[2], 1, eps)));
    out[0] = tx_add(tx_mul(tx_mul(centred, r), gamma), beta);
    for (int i = 0; i < 3; i++)
        tx_keep(out[i]);
    tx_close();
}

tensor *tx_batchnorm(tensor *x, tensor *gamma, tensor *beta, double eps, tensor **mean, tensor **var)
{
    const real *px = in("tx_batchnorm", x), *pg = in("tx_batchnorm", gamma), *pb = in("tx_batchnorm", beta);
    int recording = ad_record(0);
    tensor *out[3];

    if (gamma->count != x->cols || beta->count != x->cols)
        tx_die("tx_batchnorm", "%s with a scale of %s and a shift of %s: one of each per channel is expected",
               tx_text(x), tx_text(gamma), tx_text(beta));
    if (engine.fused && engine.api->bn && x->count && ranks_count() == 1) {
        out[0] = tx_new(x->d);
        out[1] = tx_new(DIMS(x->cols));
        out[2] = tx_new(DIMS(x->cols));
        engine.api->bn(engine.b, tx_data(out[0]), tx_data(out[1]), tx_data(out[2]), px, pg, pb, x->rows, x->cols,
                       (real)eps);
    } else {
        normalise(x, gamma, beta, eps, out);
    }
    ad_record(recording);
    node *n = record(out[0], OP_BATCHNORM, 3, 3, (tensor *[]){x, gamma, beta});
    if (n) {
        n->lo = eps;
        ad_save(n, tx_view(out[1], 0, out[1]->d));
        ad_save(n, tx_view(out[2], 0, out[2]->d));
    }
    if (mean)
        *mean = out[1];
    if (var)
        *var = out[2];
    return out[0];
}

/* --- In place --- */

void tx_changed(tensor *t, const char *operation)
{
    if (t->node || t->lost)
        tx_die(operation, "%s was computed, and only leaves can be written in place: ad_detach or tx_copy it",
               tx_text(t));
    data(t);
    t->mem->version++;
    t->mem->changed_by = operation;
    t->mem->changed_at = tx_where();
}

static void same_extents(const char *operation, const tensor *dst, const tensor *src)
{
    if (!tx_same_dims(dst->d, src->d) || dst->integer != src->integer)
        tx_die(operation, "%s into %s: equal extents are expected", tx_text(src), tx_text(dst));
}

void tx_assign(tensor *dst, tensor *src)
{
    same_extents("tx_assign", dst, src);
    tx_changed(dst, "tx_assign");
    engine.api->copy(engine.b, address(dst), address(src), bytes_of(dst));
}

void tx_axpy(tensor *dst, double scale, tensor *src)
{
    same_extents("tx_axpy", dst, src);
    tx_changed(dst, "tx_axpy");
    engine.api->axpy(engine.b, tx_data(dst), in("tx_axpy", src), dst->count, (real)scale);
}

void tx_fill(tensor *leaf, double value)
{
    tx_changed(leaf, "tx_fill");
    engine.api->fill(engine.b, tx_data(leaf), leaf->count, (real)value);
}

void tx_sgd(tensor *w, tensor *velocity, tensor *grad, double rate, double momentum, double decay, bool nesterov)
{
    same_extents("tx_sgd", w, velocity);
    same_extents("tx_sgd", w, grad);
    if (engine.fused && engine.api->sgd) {
        tx_changed(w, "tx_sgd");
        tx_changed(velocity, "tx_sgd");
        engine.api->sgd(engine.b, tx_data(w), tx_data(velocity), tx_data(grad), w->count, (real)rate,
                        (real)momentum, (real)decay, nesterov);
        return;
    }
    int recording = ad_record(0);
    tx_open();
    tensor *d = tx_add(grad, tx_scale(w, decay));
    tx_assign(velocity, tx_add(tx_scale(velocity, momentum), d));
    if (nesterov)
        tx_axpy(d, momentum, velocity);
    tx_axpy(w, -rate, nesterov ? d : velocity);
    tx_close();
    ad_record(recording);
}

/* --- Data and randomness --- */

tensor *tx_channels(const double v[3])
{
    const real r[3] = {(real)v[0], (real)v[1], (real)v[2]};
    return tx_from(DIMS(3), r);
}

static tensor *new_images(const char *operation, dims d, const tensor *mean, const tensor *dev)
{
    tensor *y = tx_new(d);

    if (d.n != 4 || mean->count != y->cols || dev->count != y->cols)
        tx_die(operation, "%s with a mean of %s and a deviation of %s: images and one of each per channel",
               tx_text(y), tx_text(mean), tx_text(dev));
    return y;
}

tensor *tx_cut(dims d, const tensor *store, int64_t stored, const int32_t *host_at_dy_dx_flip, tensor *mean,
               tensor *dev)
{
    tensor *y = new_images("tx_cut", d, mean, dev);

    if (y->count)
        engine.api->cut(engine.b, tx_data(y), (const uint8_t *)store->mem->at, stored, host_at_dy_dx_flip, d.d[0],
                        d.d[1], d.d[2], d.d[3], tx_data(mean), tx_data(dev));
    return y;
}

tensor *tx_images(dims d, const uint8_t *host_px, const int32_t *host_dy_dx_flip, tensor *mean, tensor *dev)
{
    tensor *y = new_images("tx_images", d, mean, dev);

    if (y->count)
        engine.api->images(engine.b, tx_data(y), host_px, host_dy_dx_flip, d.d[0], d.d[1], d.d[2], d.d[3],
                           tx_data(mean), tx_data(dev));
    return y;
}

tensor *tx_uniform(dims d, uint64_t seed)
{
    tensor *y = tx_new(d);

    engine.api->uniform(engine.b, tx_data(y), y->count, seed);
    return y;
}

tensor *tx_normal(dims d, uint64_t seed)
{
    tensor *y = tx_new(d);

    engine.api->normal(engine.b, tx_data(y), y->count, seed);
    return y;
}
