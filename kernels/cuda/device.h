/* device.h - inside the cuda backend: the open card, scratch memory, and what
 * keeps calls in order (queue.h). Host code is C (*.c); the kernels and the
 * entries that launch them are CUDA C (*.cu). The entries of backend.h are
 * declared at the end, each in the file named above it. */
#ifndef CUDA_DEVICE_H
#define CUDA_DEVICE_H

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include "../backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CUDA_DIE(b, ...) (b)->host->die(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the process when a call of the libraries failed; `what` was tried. */
#define CUDA_DO(b, what, call) cuda_check((b), (call), (what), __FILE__, __LINE__)
#define BLAS_DO(b, what, call) blas_check((b), (call), (what), __FILE__, __LINE__)
#define DNN_DO(b, what, call) dnn_check((b), (call), (what), __FILE__, __LINE__)
void cuda_check(bk *b, cudaError_t rc, const char *what, const char *file, int line);
void blas_check(bk *b, cublasStatus_t rc, const char *what, const char *file, int line);
void dnn_check(bk *b, cudnnStatus_t rc, const char *what, const char *file, int line);

/* Memory of the card that one call needs and the next may have: contents do not
 * stay. Each purpose has its own, so that one call can use several. */
enum cuda_room {
    ROOM_WORK, /* cuDNN's workspace */
    ROOM_BLAS, /* cuBLAS's; its size is fixed at opening */
    ROOM_SUMS,
    ROOM_TILE,
    ROOM_KEYS,
    ROOM_X,
    ROOM_Y,
    ROOM_TURNS,   /* counters of blocks: zero at first, and whoever counts leaves them zero */
    ROOM_ALIGNED, /* copies of what lies too oddly for cuDNN */
    ROOMS
};

/* What a kernel found wrong: host memory that kernels can write, zeroed; it is
 * looked at after every wait. */
typedef struct cuda_complaint {
    int raised; /* enum cuda_where, or 0 */
    int index, below;
} cuda_complaint;
enum cuda_where { IN_PICK = 1, IN_PLACE, IN_TAKE_ROWS, IN_PUT_ROWS, IN_POOL_MAX_T, IN_CUT };

typedef struct queue queue;   /* queue.h */
typedef struct choice choice; /* conv.h */

struct bk {
    const bk_host *host;
    unsigned flags; /* BK_FAST, BK_TF32 */
    int ordinal;
    char name[256];
    int major, minor;    /* compute capability */
    int processors;      /* streaming multiprocessors */
    int driver;          /* the newest CUDA it serves: 13000 is 13.0 */
    size_t l2;           /* bytes of the second-level cache */
    cudaStream_t stream; /* everything goes through this one */
    cublasHandle_t blas;
    cudnnHandle_t dnn;
    size_t dnn_version;
    queue *queue;
    int capturing;             /* a stretch is being captured, 2: and something cannot be; queue.c's own */
    choice *choices;           /* a list, newest first */
    cuda_complaint *complaint; /* as the host sees it, and as kernels do */
    cuda_complaint *complaint_there;
    void *stage; /* page-locked: small reads land here */
    void *room[ROOMS];
    size_t room_bytes[ROOMS];
};

/* device.c. Memory of the card that lasts; when there is none the host gives up
 * its reserve, and when that does not help the process ends. */
void *cuda_take(bk *b, size_t bytes);
void cuda_give(bk *b, void *p); /* NULL is allowed */

/* Room for at least so many bytes, kept until the device is closed.
 * Entries ask for it before they enqueue; what runs in the queue takes the
 * address then (b->room[which]), for a later call may have moved it. */
void cuda_need_room(bk *b, enum cuda_room which, size_t bytes);
/* 0 when there is nothing to do; ends the process when the extents of g do not
 * belong together. */
int cuda_window(bk *b, const bk_window *g, const char *op);
/* Waits for everything enqueued, and reports what went wrong in it. */
void cuda_wait(bk *b);

/* lines.cu */
void cuda_fill(bk *b, real *y, int64_t n, real value);
void cuda_affine(bk *b, real *y, const real *x, int64_t n, real scale, real shift);
void cuda_axpy(bk *b, real *y, const real *x, int64_t n, real scale);
void cuda_map(bk *b, enum bk_map op, real *y, const real *x, int64_t n);
void cuda_clamp(bk *b, real *y, const real *x, int64_t n, real lo, real hi);
void cuda_within(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi);
void cuda_zip(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
              int64_t inner);
void cuda_spread(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner);
void cuda_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum, real decay,
              int nesterov);
/* fold.cu */
void cuda_fold(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner);
/* norm.cu */
void cuda_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta,
             int64_t rows, int64_t cols, real eps);
void cuda_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x, const real *gamma,
                  const real *mean, const real *var, int64_t rows, int64_t cols, real eps);
/* rows.cu */
void cuda_copy_cols(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols, int64_t xfirst,
                    int64_t rows, int64_t cols);
void cuda_lse(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
void cuda_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
void cuda_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols);
/* place.cu */
void cuda_pick(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cuda_place(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cuda_take_rows(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cuda_put_rows(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
/* topk.cu, nearest.cu */
void cuda_topk(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k);
void cuda_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                  int64_t k);
/* product.c */
void cuda_gemm(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb, real beta,
               real *c);
void cuda_conv_y(bk *b, const bk_window *g, real *y, const real *x, const real *w);
void cuda_conv_x(bk *b, const bk_window *g, real *x, const real *y, const real *w);
void cuda_conv_w(bk *b, const bk_window *g, real *w, const real *x, const real *y);
/* pool.cu */
void cuda_pool_max(bk *b, const bk_window *g, real *y, int32_t *at, const real *x);
void cuda_pool_avg(bk *b, const bk_window *g, real *y, const real *x);
void cuda_pool_avg_t(bk *b, const bk_window *g, real *x, const real *y);
void cuda_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *at);
/* images.cu */
void cuda_images(bk *b, real *x, const uint8_t *px, const int32_t *dy_dx_flip, int64_t n, int64_t h, int64_t w,
                 int64_t c, const real *mean, const real *dev);
void cuda_cut(bk *b, real *x, const uint8_t *store, int64_t stored, const int32_t *at_dy_dx_flip, int64_t n,
              int64_t h, int64_t w, int64_t c, const real *mean, const real *dev);
void cuda_uniform(bk *b, real *y, int64_t n, uint64_t seed);
void cuda_normal(bk *b, real *y, int64_t n, uint64_t seed);
/* plan.c */
bk_plan *cuda_plan_open(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags);
size_t cuda_plan_bytes(bk *b, const bk_plan *p);
void cuda_plan_run(bk *b, bk_plan *p, real *y, void *kept, const real *x, const real *w, real *stats,
                   uint64_t version);
void cuda_plan_grad(bk *b, bk_plan *p, real *dx, real *dw, const real *dy, void *kept, const real *x,
                    const real *w);
size_t cuda_plan_more(bk *b, bk_plan *p);
void cuda_plan_slope(bk *b, bk_plan *p, real *dx, void *more, const real *dy, void *kept, const real *x,
                     const real *w);
void cuda_plan_bend(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                    const real *x, const real *w);
void cuda_plan_close(bk *b, bk_plan *p);

#ifdef __cplusplus
}
#endif
#endif
