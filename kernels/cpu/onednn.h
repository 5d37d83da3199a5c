/* onednn.h - the one door to oneDNN. onednn2.c and onednn3.c speak its 2.x and
 * 3.x C interface (one of them is built) and make descriptors and operations;
 * primitive.c, the same for both, runs them.
 *
 * True of every dnn_ function that makes something:
 *  - images are logically n,c,h,w and filters k,c,r,s, whatever their memory
 *    order: dnnl_nhwc and dnnl_acdb (filters) are the interface's channels last;
 *  - a desc that is NULL leaves the order to oneDNN; ask the operation for its
 *    choice with dnn_want() and reorder to it;
 *  - an operation is NULL when oneDNN has none for these orders, or only its
 *    reference loops ("ref:any", thousands of times slower and silent about
 *    it): the caller then tries other orders;
 *  - any other failure ends the process through host->die(). */
#ifndef ONEDNN_H
#define ONEDNN_H

#include <dnnl.h>

#include "../backend.h"

/* How memory is laid out. Made by the four functions below and freed by
 * dnn_forget(), or lent by an operation for as long as that lives. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t dnn_desc;
enum { DNN_ARG_SHIFT_BACK = 0 }; /* see norm_x */
#else
typedef const dnnl_memory_desc_t *dnn_desc;
enum { DNN_ARG_SHIFT_BACK = DNNL_ARG_SHIFT };
#endif

typedef struct dnn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    const bk_host *host;
} dnn;

enum { DNN_SLOTS = 10 };
typedef struct dnn_op { /* a primitive and the memory objects it last ran on */
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t choice;
    int slots, what[DNN_SLOTS];
    dnnl_memory_t memory[DNN_SLOTS];
} dnn_op;

typedef struct dnn_arg {
    int what; /* DNNL_ARG_...; 0 is left out */
    const void *p;
} dnn_arg;

#define DNN_CHECK(d, call)                                                                                         \
    do {                                                                                                           \
        dnnl_status_t status_ = (call);                                                                            \
        if (status_ != dnnl_success)                                                                               \
            dnn_die((d), #call, status_, __FILE__, __LINE__);                                                      \
    } while (0)
/* Memory that this backend itself asked for in vain. */
void dnn_no_memory(const bk_host *host, size_t bytes) __attribute__((noreturn));
void dnn_die(const dnn *d, const char *call, dnnl_status_t status, const char *file, int line)
    __attribute__((noreturn));

/* Layouts. type: dnnl_f32 or dnnl_bf16. Strides are in elements. */
dnn_desc dnn_tagged(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag);
dnn_desc dnn_strided(const dnn *d, int rank, const int64_t *dims, dnnl_data_type_t type, const int64_t *strides);
dnn_desc dnn_same(const dnn *d, dnn_desc from); /* a copy to keep */
void dnn_forget(dnn_desc desc);                 /* NULL is fine */

static inline dnn_desc dnn_images(const dnn *d, int64_t n, int64_t h, int64_t w, int64_t c, dnnl_data_type_t type,
                                  dnnl_format_tag_t tag)
{
    return dnn_tagged(d, 4, (dnnl_dims_t){n, c, h, w}, type, tag);
}
static inline dnn_desc dnn_filters(const dnn *d, const bk_window *g, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnn_tagged(d, 4, (dnnl_dims_t){g->k, g->c, g->r, g->s}, type, tag);
}
/* A matrix whose element (i,j) is at i * down + j * right. */
static inline dnn_desc dnn_matrix(const dnn *d, int64_t rows, int64_t cols, int64_t down, int64_t right)
{
    return dnn_strided(d, 2, (dnnl_dims_t){rows, cols}, dnnl_f32, (dnnl_dims_t){down, right});
}

/* Convolutions. conv_y: DNNL_ARG_SRC, WEIGHTS, (BIAS,) DST; conv_x: DIFF_DST,
 * WEIGHTS, DIFF_SRC; conv_w: SRC, DIFF_DST, DIFF_WEIGHTS (no bias). */
enum dnn_with {
    DNN_BIAS = 1,     /* f32 bias[k] */
    DNN_SUM = 2,      /* y += instead of y = */
    DNN_RELU = 4,     /* after bias and sum */
    DNN_WINOGRAD = 8, /* where oneDNN has it; blocked orders only */
    DNN_BATCH = 16,   /* training. norm: statistics of this batch; pool_max: keep the winners; conv_y:
                         filters change with every call, so none are wanted transformed */
};
typedef struct dnn_conv {
    const bk_window *g;
    unsigned with;
    dnnl_data_type_t type, ytype; /* of x and w; of y */
    dnn_desc x, w, y;
} dnn_conv;
dnn_op *dnn_conv_y(const dnn *d, const dnn_conv *c);
dnn_op *dnn_conv_x(const dnn *d, const dnn_conv *c);
dnn_op *dnn_conv_w(const dnn *d, const dnn_conv *c);

/* Pooling, f32 or bf16 as x says; padding counts as zeros in the average.
 * DNN_BATCH: max keeps its winners in DNNL_ARG_WORKSPACE, which pool_x reads. */
typedef struct dnn_pool {
    const bk_window *g;
    int max;
    unsigned with;
    dnnl_data_type_t type;
    dnn_desc x; /* needed; y follows it. pool_x: of diff_src */
} dnn_pool;
dnn_op *dnn_pool_y(const dnn *d, const dnn_pool *c);
dnn_op *dnn_pool_x(const dnn *d, const dnn_pool *c);

/* Batch-norm with scale and shift. norm_y: SRC, DST, MEAN, VARIANCE (written
 * with DNN_BATCH, else read), SCALE, SHIFT, with DNN_BATCH and DNN_RELU also
 * WORKSPACE. norm_x: SRC, DIFF_DST, DIFF_SRC, MEAN, VARIANCE, SCALE, DIFF_SCALE,
 * DIFF_SHIFT, WORKSPACE, and the shift as DNN_ARG_SHIFT_BACK: nobody reads it, but
 * 2.x refuses to run without it and 3.x to run with it. */
typedef struct dnn_norm {
    unsigned with; /* DNN_RELU, DNN_BATCH */
    float eps;
    dnn_desc x;
} dnn_norm;
dnn_op *dnn_norm_y(const dnn *d, const dnn_norm *c);
dnn_op *dnn_norm_x(const dnn *d, const dnn_norm *c); /* of the batch's statistics */

/* c = a b + beta c, f32: SRC, WEIGHTS, DST. b may be NULL (packed once, used often). */
typedef struct dnn_matmul {
    int64_t m, n, k;
    float beta;
    dnn_desc a, b, c;
} dnn_matmul;
dnn_op *dnn_product(const dnn *d, const dnn_matmul *c);

/* y = a + b, then ReLU if with says so: SRC_0, SRC_1, DST; all in a's order. */
dnn_op *dnn_add(const dnn *d, dnn_desc a, unsigned with);
/* ReLU: SRC, DST; and its gradient, from the result: DST, DIFF_DST, DIFF_SRC. */
dnn_op *dnn_relu_y(const dnn *d, dnn_desc x);
dnn_op *dnn_relu_x(const dnn *d, dnn_desc x);
/* Copies between orders and types: FROM, TO. */
dnn_op *dnn_reorder(const dnn *d, dnn_desc from, dnn_desc to);

/* primitive.c */
dnn *dnn_open(const bk_host *host);
void dnn_close(dnn *d);
dnn_desc dnn_want(const dnn_op *op, int what); /* lent; of no bytes when op has no such argument */
size_t dnn_bytes(dnn_desc desc);
int dnn_equal(dnn_desc a, dnn_desc b);
const char *dnn_info(const dnn_op *op); /* "jit:avx512_core" */
void dnn_run(const dnn *d, dnn_op *op, const dnn_arg *args, int n);
void dnn_drop(dnn_op *op); /* NULL is fine */
#define DNN_RUN(d, op, ...)                                                                                        \
    dnn_run(d, op, (const dnn_arg[]){__VA_ARGS__}, (int)(sizeof((dnn_arg[]){__VA_ARGS__}) / sizeof(dnn_arg)))

/* Finishes what onednn2.c or onednn3.c chose: NULL when that is a refusal. */
dnn_op *dnn_make(const dnn *d, dnnl_status_t status, dnnl_primitive_desc_t choice, const char *call);

#endif
