/* backend.h - the contract between the harness and a compute backend.
 *
 * A backend is one shared object (kernels/ref, cpu or cuda) that exports one
 * function, bk_query(). It sees addresses, extents and one in-order queue; it
 * never sees a tensor, a gradient or a network.
 *
 * True of every entry unless it says otherwise:
 *  - arrays are dense; images are N,H,W,C and filters K,R,S,C (channels last);
 *  - outputs come first; y may equal an input in map, zip, clamp and affine;
 *  - calls enqueue and return, only read() and sync() wait;
 *  - an extent of zero is legal and does nothing;
 *  - the same inputs give the same bits, unless BK_FAST was asked for;
 *  - what cannot be honoured ends the process through host->die().
 *
 * One rule covers all broadcasting and all reduction. A vector v[mid] meets an
 * array a[outer][mid][inner] at equal mid: (R,C,1) is a vector per row,
 * (1,R,C) a vector per column, (n,1,1) a scalar, (1,n,1) an equal array. */
#ifndef BACKEND_H
#define BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus /* for the .cu files */
extern "C" {
#endif

#define BK_ABI 2
#ifndef BK_REAL
#define BK_REAL float /* the gradient tests build engine and ref as double */
#endif
typedef BK_REAL real;

typedef struct bk bk; /* one open device; each backend defines its own */

enum bk_map { BK_NEG, BK_ABS, BK_SIGN, BK_EXP, BK_LOG, BK_SQRT, BK_RECIP, BK_SQUARE };
enum bk_zip { BK_ADD, BK_SUB, BK_MUL, BK_DIV };
enum bk_fold { BK_SUM, BK_MAX };
enum bk_flag {
    BK_FAST = 1,  /* may reorder sums and drop to TF32 */
    BK_BF16 = 2,  /* plans may multiply in bfloat16, sums in float */
    BK_TRAIN = 4, /* plan_open only: batch statistics, and plan_grad will follow */
    BK_TF32 = 8,  /* open only: products may round their factors to TF32; sums in float */
    BK_PULL = 16, /* plan_open only: evaluation, and plan_grad of the input alone will follow */
};

typedef struct bk_host { /* what the host lends; outlives the device */
    __attribute__((noreturn, format(printf, 3, 4))) void (*die)(const char *file, int line, const char *fmt, ...);
    __attribute__((format(printf, 1, 2))) void (*note)(const char *fmt, ...);
    /* Gives back what the host holds in reserve; ends the process for want of so
     * many bytes. Either may be NULL: there is no reserve; die() then. */
    void (*trim)(void);
    __attribute__((noreturn)) void (*out_of_memory)(size_t bytes);
    const char *folder; /* where a backend may keep what it measured, shared by processes; NULL: nowhere */
} bk_host;

typedef struct bk_window { /* geometry of a convolution or a pooling */
    int64_t n, h, w, c;    /* input images; c = channels */
    int64_t k, p, q;       /* output channels (pooling: k == c), height, width */
    int r, s, stride, pad; /* window height and width */
} bk_window;

/* One layer of a plan. Layers are in order of computation and the last one is
 * the result; an input is the number of an earlier layer, or -1 for the plan's
 * own input x. Offsets count reals into the vectors handed to plan_run. */
enum bk_kind {
    BK_CONV, /* filter [k][r][s][c] at w[weight] */
    BK_NORM, /* batch-norm: gamma[c] at w[weight], beta[c] at w[bias];
                    mean[c] at stats[stat], variance[c] (of the population) behind it */
    BK_RELU,
    BK_PLUS, /* a + b, equal extents */
    BK_JOIN, /* channels of a, then channels of b */
    BK_POOL_MAX,
    BK_POOL_AVG, /* padding counts as zeros and is counted */
    BK_WIDEN,    /* every stride-th pixel; c channels centred among k, zeros around */
};
typedef struct bk_layer {
    enum bk_kind kind;
    int a, b;    /* inputs; b only for PLUS and JOIN, else -1 */
    bk_window g; /* g.n is set by plan_open; NORM, RELU, PLUS: h w c = p q k; JOIN: c + (channels of b) = k */
    int64_t weight, bias, stat;
    real eps; /* NORM only */
} bk_layer;
typedef struct bk_plan bk_plan;

typedef struct bk_api {
    uint32_t abi, size, real_bytes; /* BK_ABI, sizeof(bk_api), sizeof(real) */
    const char *name;               /* "ref", "cpu", "cuda" */

    /* The device. open() returns NULL when there is none to be had, with the
     * reason and its cure in `why`. alloc() returns NULL when memory is out: the
     * host trims its cache and retries. memory: bytes that are unused, and in
     * all. */
    bk *(*open)(const bk_host *host, int ordinal, unsigned flags, char *why, size_t cap);
    void (*close)(bk *b);
    void (*describe)(bk *b, char *text, size_t cap);
    void (*memory)(bk *b, size_t *unused, size_t *total);
    void *(*alloc)(bk *b, size_t bytes);
    void (*free)(bk *b, void *p, size_t bytes);
    void (*write)(bk *b, void *dst, const void *host_src, size_t bytes);
    void (*read)(bk *b, void *host_dst, const void *src, size_t bytes);
    void (*copy)(bk *b, void *dst, const void *src, size_t bytes);
    void (*sync)(bk *b);

    /* Elementwise. within: y = v where lo < r < hi, else 0. */
    void (*fill)(bk *b, real *y, int64_t n, real value);
    void (*affine)(bk *b, real *y, const real *x, int64_t n, real scale, real shift);
    void (*axpy)(bk *b, real *y, const real *x, int64_t n, real scale); /* y += scale x */
    void (*map)(bk *b, enum bk_map op, real *y, const real *x, int64_t n);
    void (*clamp)(bk *b, real *y, const real *x, int64_t n, real lo, real hi);
    void (*within)(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi);

    /* Vector meets array: y and a are arrays, v is the vector. */
    void (*zip)(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
                int64_t inner);
    void (*spread)(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner);
    void (*fold)(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner);

    /* A block of columns: y[i][yfirst + j] = x[i][xfirst + j] for i < rows, j < cols. */
    void (*copy_cols)(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols, int64_t xfirst,
                      int64_t rows, int64_t cols);

    /* By rows of x[rows][cols]. topk sorts descending and breaks ties by the
     * lower index; place adds where an index repeats. */
    void (*lse)(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
    void (*topk)(bk *b, real *y, int32_t *i, const real *x, int64_t rows, int64_t cols, int64_t k);
    void (*pick)(bk *b, real *y, const real *x, const int32_t *i, int64_t rows, int64_t cols, int64_t k);
    void (*place)(bk *b, real *x, const real *y, const int32_t *i, int64_t rows, int64_t cols, int64_t k);
    void (*take_rows)(bk *b, real *y, const real *x, const int32_t *i, int64_t rows, int64_t cols, int64_t k);
    void (*put_rows)(bk *b, real *x, const real *y, const int32_t *i, int64_t rows, int64_t cols, int64_t k);

    /* Products. c[m][n] = op(a) op(b) + beta c; the three convolutions are the
     * three partial derivatives of one trilinear form, see tensor.h. */
    void (*gemm)(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb, real beta,
                 real *c);
    void (*conv_y)(bk *b, const bk_window *g, real *y, const real *x, const real *w);
    void (*conv_x)(bk *b, const bk_window *g, real *x, const real *y, const real *w);
    void (*conv_w)(bk *b, const bk_window *g, real *w, const real *x, const real *y);

    /* Pooling. max: i indexes into an image's H*W*C values, as pick wants. */
    void (*pool_max)(bk *b, const bk_window *g, real *y, int32_t *i, const real *x);
    void (*pool_avg)(bk *b, const bk_window *g, real *y, const real *x);
    void (*pool_avg_t)(bk *b, const bk_window *g, real *x, const real *y); /* adjoint */

    /* Data and randomness; a draw depends on (seed, index) and nothing else and
     * has the same bits everywhere: the arithmetic is in random.h. images:
     * x = (px / 255 - mean) / dev after a shift by (dy, dx) with zeros (black)
     * moving in, then a mirror if flip; host_dy_dx_flip is [n][3] or NULL. cut:
     * the same of a data set whose bytes lie on the device, where each row of
     * host_at_dy_dx_flip[n][4] begins with an image's number, below `stored`. */
    void (*images)(bk *b, real *x, const uint8_t *host_px, const int32_t *host_dy_dx_flip, int64_t n, int64_t h,
                   int64_t w, int64_t c, const real *mean, const real *dev);
    void (*uniform)(bk *b, real *y, int64_t n, uint64_t seed);
    void (*normal)(bk *b, real *y, int64_t n, uint64_t seed);

    /* Fast paths. Any may be NULL; the host then composes the same result. */
    void (*cut)(bk *b, real *x, const uint8_t *store, int64_t stored, const int32_t *host_at_dy_dx_flip, int64_t n,
                int64_t h, int64_t w, int64_t c, const real *mean, const real *dev);
    void (*bn)(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta,
               int64_t rows, int64_t cols, real eps);
    void (*bn_grad)(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x, const real *gamma,
                    const real *mean, const real *var, int64_t rows, int64_t cols, real eps);
    void (*log_softmax)(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
    void (*log_softmax_grad)(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols);
    void (*pool_max_t)(bk *b, const bk_window *g, real *x, const real *y, const int32_t *i);
    void (*sgd)(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum, real decay,
                int nesterov);

    /* The k largest inner products of each row of a[m][d] with the rows of
     * c[n][d], and their rows in c: sorted and tied as topk. By tiles: no m x n
     * matrix exists. NULL: gemm and topk on slices of a. */
    void (*nearest)(bk *b, real *y, int32_t *i, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                    int64_t k);

    /* Several layers as one operation, in whatever layout suits the device, on
     * n images. flags: BK_TRAIN, BK_BF16. plan_open returns
     * NULL for what it cannot do, and the host composes. With BK_TRAIN, run
     * writes the batch statistics to `stats` and what grad needs to `kept`
     * (plan_bytes of device memory, one per run whose grad is to come); grad
     * overwrites the parts of dw that belong to the plan's layers and leaves the
     * others; dx may be NULL. Without it, run reads running statistics, and
     * `version` differs from the last call's whenever w or stats do. With
     * BK_PULL run keeps what grad needs as well, and grad writes dx alone; a
     * backend that cannot says NULL or plan_bytes of 0. */
    bk_plan *(*plan_open)(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags);
    size_t (*plan_bytes)(bk *b, const bk_plan *p);
    void (*plan_run)(bk *b, bk_plan *p, real *y, void *kept, const real *x, const real *w, real *stats,
                     uint64_t version);
    void (*plan_grad)(bk *b, bk_plan *p, real *dx, real *dw, const real *dy, void *kept, const real *x,
                      const real *w);
    void (*plan_close)(bk *b, bk_plan *p);

    /* The gradient of a training plan's gradient; NULL: composed. plan_more is
     * how much device memory it needs beside kept, 0: this plan cannot.
     * slope writes dx as plan_grad does, and to `more` what bend needs. bend
     * takes v, the gradient that reached dx, and writes those of dy (ddy), of w
     * (its parts of dw) and, unless it is NULL, of x (dx). Each slope is bent
     * once at most; kept stays as it was. */
    size_t (*plan_more)(bk *b, bk_plan *p);
    void (*plan_slope)(bk *b, bk_plan *p, real *dx, void *more, const real *dy, void *kept, const real *x,
                       const real *w);
    void (*plan_bend)(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                      const real *x, const real *w);
} bk_api;

/* The one exported symbol. Returns NULL when abi or size differ from its own;
 * the host then checks real_bytes. Stale objects are refused, never guessed. */
const bk_api *bk_query(uint32_t abi, uint32_t size);

#ifdef __cplusplus
}
#endif
#endif
