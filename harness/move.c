/* move.c - operations that move values and compute nothing: views, blocks of
 * rows and columns, and selection by index. */
#define TX_PLAIN
#include <string.h>

#include "vjp.h"

static dims with_rows(dims d, int64_t n)
{
    return tx_dims_with(d, 0, n);
}

static dims with_cols(dims d, int64_t n)
{
    return tx_dims_with(d, d.n - 1, n);
}

/* Elements behind one step of the first extent. */
static int64_t stride_of(dims d)
{
    int64_t n = 1;

    for (int i = 1; i < d.n; i++)
        n *= d.d[i];
    return n;
}

static void need_real(const char *operation, const tensor *t)
{
    if (t->integer)
        tx_die(operation, "%s, reals are expected", tx_text(t));
}

static void need_block(const char *operation, const tensor *x, int64_t first, int64_t n, int64_t of)
{
    if (first < 0 || n < 0 || first + n > of)
        tx_die(operation, "%s: %lld from %lld on are not within %lld", tx_text(x), (long long)n, (long long)first,
               (long long)of);
}

static void copy_reals(real *to, const real *from, int64_t n)
{
    if (n)
        engine.api->copy(engine.b, to, from, (size_t)n * sizeof(real));
}

static void zero(real *to, int64_t n)
{
    if (n)
        engine.api->fill(engine.b, to, n, 0);
}

/* --- Views --- */

tensor *tx_reshape(tensor *x, dims d)
{
    int64_t count = stride_of(d) * d.d[0];

    if (d.n < 1 || d.n > 4 || count != x->count)
        tx_die("tx_reshape", "%s has %lld elements, %lld are expected", tx_text(x), (long long)x->count,
               (long long)count);
    tensor *y = tx_view(x, 0, d);
    record(y, OP_RESHAPE, 1, 1, &x);
    return y;
}

tensor *ad_alias(tensor *x)
{
    return tx_reshape(x, x->d);
}

tensor *tx_slice(tensor *x, int64_t first, int64_t n)
{
    need_block("tx_slice", x, first, n, x->d.d[0]);
    tensor *y = tx_view(x, first * stride_of(x->d), with_rows(x->d, n));
    node *k = record(y, OP_SLICE, 1, 1, &x);
    if (k)
        k->first = first;
    return y;
}

/* --- Blocks of rows --- */

tensor *tx_embed(tensor *x, int64_t first, int64_t n)
{
    int64_t stride = stride_of(x->d), behind = (n - first - x->d.d[0]) * stride;

    need_real("tx_embed", x);
    need_block("tx_embed", x, first, x->d.d[0], n);
    const real *px = tx_data(x);
    tensor *y = tx_new(with_rows(x->d, n));
    real *py = tx_data(y);
    zero(py, first * stride);
    copy_reals(py + first * stride, px, x->count);
    zero(py + first * stride + x->count, behind);
    node *k = record(y, OP_EMBED, 1, 1, &x);
    if (k)
        k->first = first;
    return y;
}

tensor *tx_concat(tensor *a, tensor *b)
{
    if (!tx_same_dims(a->d, with_rows(b->d, a->d.d[0])) || a->integer != b->integer)
        tx_die("tx_concat", "%s and %s: equal extents but for the first are expected", tx_text(a), tx_text(b));
    dims d = with_rows(a->d, a->d.d[0] + b->d.d[0]);
    if (a->integer) {
        tensor *y = tx_new_index(d);
        engine.api->copy(engine.b, tx_indices(y), tx_indices(a), (size_t)a->count * sizeof(int32_t));
        engine.api->copy(engine.b, tx_indices(y) + a->count, tx_indices(b), (size_t)b->count * sizeof(int32_t));
        return y;
    }
    tensor *y = tx_new(d);
    copy_reals(tx_data(y), tx_data(a), a->count);
    copy_reals(tx_data(y) + a->count, tx_data(b), b->count);
    record(y, OP_CONCAT, 2, 2, (tensor *[]){a, b});
    return y;
}

/* --- Blocks of columns --- */

static void copy_cols(tensor *y, int64_t yfirst, const tensor *x, int64_t xfirst, int64_t cols)
{
    if (x->rows && cols)
        engine.api->copy_cols(engine.b, tx_data(y), y->cols, yfirst, tx_data(x), x->cols, xfirst, x->rows, cols);
}

tensor *tx_slice_cols(tensor *x, int64_t first, int64_t n)
{
    need_real("tx_slice_cols", x);
    need_block("tx_slice_cols", x, first, n, x->cols);
    tensor *y = tx_new(with_cols(x->d, n));
    copy_cols(y, 0, x, first, n);
    node *k = record(y, OP_SLICE_COLS, 1, 1, &x);
    if (k)
        k->first = first;
    return y;
}

tensor *tx_embed_cols(tensor *x, int64_t first, int64_t n)
{
    need_real("tx_embed_cols", x);
    need_block("tx_embed_cols", x, first, x->cols, n);
    tensor *y = tx_new(with_cols(x->d, n));
    zero(tx_data(y), y->count);
    copy_cols(y, first, x, 0, x->cols);
    node *k = record(y, OP_EMBED_COLS, 1, 1, &x);
    if (k)
        k->first = first;
    return y;
}

tensor *tx_concat_cols(tensor *a, tensor *b)
{
    need_real("tx_concat_cols", a);
    need_real("tx_concat_cols", b);
    if (!tx_same_dims(a->d, with_cols(b->d, a->cols)))
        tx_die("tx_concat_cols", "%s and %s: equal extents but for the last are expected", tx_text(a), tx_text(b));
    tensor *y = tx_new(with_cols(a->d, a->cols + b->cols));
    copy_cols(y, 0, a, 0, a->cols);
    copy_cols(y, a->cols, b, 0, b->cols);
    record(y, OP_CONCAT_COLS, 2, 2, (tensor *[]){a, b});
    return y;
}

/* --- By index --- */

tensor *tx_pick(tensor *x, tensor *i)
{
    need_real("tx_pick", x);
    if (i->rows != x->rows)
        tx_die("tx_pick", "%s by %s: one row of column numbers per row is expected", tx_text(x), tx_text(i));
    const real *px = tx_data(x);
    tensor *y = tx_new(i->d);
    if (y->count)
        engine.api->pick(engine.b, tx_data(y), px, tx_indices(i), x->rows, x->cols, i->cols);
    record(y, OP_PICK, 1, 2, (tensor *[]){x, i});
    return y;
}

tensor *tx_place(tensor *v, tensor *i, int64_t cols)
{
    need_real("tx_place", v);
    if (i->rows != v->rows || i->cols != v->cols)
        tx_die("tx_place", "%s by %s: a column number for each value is expected", tx_text(v), tx_text(i));
    const real *pv = tx_data(v);
    tensor *y = tx_new(with_cols(v->d, cols));
    if (v->count)
        engine.api->place(engine.b, tx_data(y), pv, tx_indices(i), v->rows, cols, v->cols);
    else
        zero(tx_data(y), y->count);
    record(y, OP_PLACE, 1, 2, (tensor *[]){v, i});
    return y;
}

tensor *tx_take(tensor *x, tensor *i)
{
    need_real("tx_take", x);
    const real *px = tx_data(x);
    tensor *y = tx_new(with_rows(x->d, i->count));
    if (y->count)
        engine.api->take_rows(engine.b, tx_data(y), px, tx_indices(i), x->d.d[0], stride_of(x->d), i->count);
    record(y, OP_TAKE, 1, 2, (tensor *[]){x, i});
    return y;
}

tensor *tx_put(tensor *v, tensor *i, int64_t rows)
{
    need_real("tx_put", v);
    if (i->count != v->d.d[0])
        tx_die("tx_put", "%s by %s: a row number for each row is expected", tx_text(v), tx_text(i));
    const real *pv = tx_data(v);
    tensor *y = tx_new(with_rows(v->d, rows));
    if (v->count)
        engine.api->put_rows(engine.b, tx_data(y), pv, tx_indices(i), rows, stride_of(v->d), v->d.d[0]);
    else
        zero(tx_data(y), y->count);
    record(y, OP_PUT, 1, 2, (tensor *[]){v, i});
    return y;
}
