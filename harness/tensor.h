/* tensor.h - tensors, the operations on them, and their derivatives.
 *
 * One process drives one device, so no call carries a context. Operations run
 * at once and cannot fail: a broken precondition prints one line (operation,
 * extents, file:line) and ends the process, whose parent records it. Calls are
 * wrapped in macros that note the line (places.h).
 *
 * Memory. A tensor belongs to the scope it was born in and vanishes when that
 * scope closes; there is no free. A backward pass gives back the storage of
 * interior results as it uses them up, unless AD_RETAIN was asked for.
 *
 * Layout. Dense, row-major, at most four extents, channels last. `rows` is the
 * product of all extents but the last, `cols` the last one. */
#ifndef TENSOR_H
#define TENSOR_H

#include <math.h>

#include "../kernels/backend.h"

#define TX_HUGE HUGE_VAL /* an open end for clamp and within */

typedef struct tensor tensor;
typedef struct dims {
    int n;
    int64_t d[4];
} dims;
#define DIMS(...) ((dims){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})

/* Scopes and storage. */
void tx_open(void);
void tx_close(void);
tensor *tx_keep(tensor *t); /* moves t to the enclosing scope */
tensor *tx_full(dims d, real value);
tensor *tx_from(dims d, const real *host);
tensor *tx_index(dims d, const int32_t *host); /* integers; never differentiated */
tensor *tx_copy(tensor *x);                    /* same values, no history */
dims tx_dims(const tensor *t);
int64_t tx_rows(const tensor *t);
int64_t tx_cols(const tensor *t);
void tx_read(const tensor *t, void *host); /* waits for the device */
double tx_item(const tensor *t);           /* waits; the one element */

/* Arithmetic. b has a's extents, or is a vector of a's cols, or has a's
 * leading extents and one column, or is a single element. */
tensor *tx_add(tensor *a, tensor *b);
tensor *tx_sub(tensor *a, tensor *b);
tensor *tx_mul(tensor *a, tensor *b);
tensor *tx_div(tensor *a, tensor *b);
tensor *tx_affine(tensor *x, double scale, double shift);
tensor *tx_map(enum bk_map op, tensor *x);
tensor *tx_clamp(tensor *x, double lo, double hi);
tensor *tx_within(tensor *v, tensor *r, double lo, double hi); /* v where lo < r < hi, else 0 */

/* Reductions, and the adjoint that undoes them. */
tensor *tx_sum(tensor *x);            /* one element */
tensor *tx_mean(tensor *x);           /* one element */
tensor *tx_rowsum(tensor *x);         /* [rows,1] */
tensor *tx_colsum(tensor *x);         /* [cols] */
tensor *tx_spread(tensor *v, dims d); /* v meets d as b meets a above */
tensor *tx_lse(tensor *x);            /* log sum exp, [rows,1] */

/* Movement. slice, embed, concat, take and put go by the first extent (images
 * of a batch, rows of a matrix) and move everything behind it; the _cols ones
 * by the last. pick/place go by row with [rows,k] column numbers. Each is the
 * other's derivative. */
tensor *tx_reshape(tensor *x, dims d);
tensor *tx_slice(tensor *x, int64_t first, int64_t n);
tensor *tx_embed(tensor *x, int64_t first, int64_t n); /* x as rows of n zero rows */
tensor *tx_concat(tensor *a, tensor *b);
tensor *tx_slice_cols(tensor *x, int64_t first, int64_t n);
tensor *tx_embed_cols(tensor *x, int64_t first, int64_t n); /* x as columns of n zero columns */
tensor *tx_concat_cols(tensor *a, tensor *b);
tensor *tx_pick(tensor *x, tensor *i);
tensor *tx_place(tensor *v, tensor *i, int64_t cols);
tensor *tx_take(tensor *x, tensor *i);
tensor *tx_put(tensor *v, tensor *i, int64_t rows);

/* Products. With T(x,w,y) = sum of x * w * y over a convolution's terms,
 * conv = dT/dy, conv_x = dT/dx, conv_w = dT/dw: differentiating any one gives
 * the other two, so every order of gradient runs on the library's kernels. */
tensor *tx_matmul(tensor *a, tensor *b, int ta, int tb);
tensor *tx_conv(tensor *x, tensor *w, int stride, int pad);
tensor *tx_conv_x(tensor *y, tensor *w, int stride, int pad, dims x);
tensor *tx_conv_w(tensor *x, tensor *y, int stride, int pad, dims w);
tensor *tx_maxpool(tensor *x, int window, int stride, int pad);
tensor *tx_avgpool(tensor *x, int window, int stride, int pad);
tensor *tx_avgpool_t(tensor *y, int window, int stride, int pad, dims x);

/* Composites: fused when a first-order gradient is enough, else composed of
 * the operations above. tests/fused.c holds the two to the same numbers. */
tensor *tx_log_softmax(tensor *x);
/* The last two are the batch's mean and variance (divided by rows), or NULL. */
tensor *tx_batchnorm(tensor *x, tensor *gamma, tensor *beta, double eps, tensor **mean, tensor **var);

/* Without derivative. topk: values sorted descending, columns in *i if not NULL.
 * kmeans: k-means++ seeds, the best of 3 by inertia (the sum of squared
 * distances); [n,1] integers, the cluster of each row of x[n,d], 1 <= k <= n,
 * and, if not NULL, the [k,d] centres. A cluster stays empty only where rows
 * repeat. Depends on x and the seed alone; waits. principal: of the rows of x
 * less `from`, [cols] or NULL. means, scatter: labels[n,1]
 * below k; a row whose label is below 0 does not count, a label without rows
 * has a mean of zero. */
tensor *tx_topk(tensor *x, int64_t k, tensor **i);
tensor *tx_nearest(tensor *a, tensor *c, int64_t k, tensor **i); /* topk of a c', without the matrix */
double tx_quantile(tensor *x, double p);                         /* 0 <= p <= 1, linear between values; waits */
tensor *tx_eigh(tensor *symmetric, tensor **values);             /* one vector per row, largest first */
tensor *tx_principal(tensor *x, tensor *from, tensor **values);  /* tx_eigh of x'x / rows, summed in double */
tensor *tx_means(tensor *x, tensor *labels, int64_t k);          /* [k,cols] of the rows of each label, in double */
tensor *tx_scatter(tensor *x, tensor *labels, int64_t k, tensor **values); /* principal, of rows less their mean */
tensor *tx_leading(tensor *x); /* [n,r] of [n,r,c]: left singular vectors of the largest values, in double */
tensor *tx_pinv(tensor *x);    /* pseudo-inverse, in double; x has two extents */
tensor *tx_kmeans(tensor *x, int64_t k, uint64_t seed, tensor **centres);

/* In place, on leaves only, never recorded: parameters, running statistics. */
void tx_assign(tensor *dst, tensor *src);
void tx_axpy(tensor *dst, double scale, tensor *src);

/* Derivatives of y, which has one element. */
enum {
    AD_CREATE = 1, /* the gradients can themselves be differentiated */
    AD_RETAIN = 2, /* y may be differentiated again */
};
tensor *ad_leaf(tensor *x); /* a copy gradients can be asked for */
tensor *ad_detach(tensor *x);
int ad_record(int on); /* returns what it was */
void ad_grad(tensor *y, int n, tensor *const x[], tensor *g[], unsigned flags);
void ad_backward(tensor *y); /* adds into the parameters' gradients */

/* Said often enough to deserve a name. */
/* clang-format off */
static inline tensor *tx_scale(tensor *x, double s) { return tx_affine(x, s, 0); }
static inline tensor *tx_relu(tensor *x) { return tx_clamp(x, 0, TX_HUGE); }   /* infinity stays */
static inline tensor *tx_exp(tensor *x) { return tx_map(BK_EXP, x); }
static inline tensor *tx_sqrt(tensor *x) { return tx_map(BK_SQRT, x); }
static inline tensor *tx_sign(tensor *x) { return tx_map(BK_SIGN, x); }
static inline tensor *tx_square(tensor *x) { return tx_map(BK_SQUARE, x); }
static inline tensor *tx_argmax(tensor *x) { tensor *i; tx_topk(x, 1, &i); return i; }
static inline tensor *tx_rowmax(tensor *x) { return tx_pick(x, tx_argmax(x)); }
static inline tensor *tx_rowmin(tensor *x) { return tx_scale(tx_rowmax(tx_scale(x, -1)), -1); }
static inline tensor *tx_rownorm(tensor *x) { return tx_sqrt(tx_affine(tx_rowsum(tx_square(x)), 1, 1e-24)); }
static inline tensor *tx_flat(tensor *x)   /* one row per image, or whatever comes first */
{
    dims d = tx_dims(x);
    return tx_reshape(x, DIMS(d.d[0], (d.n > 1 ? d.d[1] : 1) * (d.n > 2 ? d.d[2] : 1) * (d.n > 3 ? d.d[3] : 1)));
}
static inline tensor *tx_unit_rows(tensor *x) { return tx_div(x, tx_rownorm(x)); }
static inline tensor *tx_nll(tensor *logits, tensor *labels)
{
    return tx_scale(tx_mean(tx_pick(tx_log_softmax(logits), labels)), -1);
}
/* clang-format on */

#ifndef TX_PLAIN /* the engine's own files define these functions */
#include "places.h"
#endif

#endif
