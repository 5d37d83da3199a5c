/* device.h - inside the cpu backend: the open device, memory of its own, and
 * the operations of oneDNN it keeps. The entries of backend.h are declared at
 * the end, each in the file named above it. */
#ifndef DEVICE_H
#define DEVICE_H

#include "onednn.h"

#define CPU_DIE(b, ...) (b)->host->die(__FILE__, __LINE__, __VA_ARGS__)

enum { CPU_KEY = 12, CPU_MADE = 256 };

/* An operation of oneDNN and the reorders before and behind it. */
typedef struct cpu_made {
    int64_t key[CPU_KEY];
    uint64_t used; /* when; 0: never */
    dnn_op *op, *pack[3];
} cpu_made;

/* Memory that one call needs and the next may have: contents do not stay. */
enum cpu_room { ROOM_X, ROOM_W, ROOM_Y, ROOM_SUMS, ROOM_KEYS, ROOM_TILE, ROOMS };

struct bk {
    const bk_host *host;
    dnn *dnn;
    unsigned flags;
    uint64_t clock;
    cpu_made made[CPU_MADE];
    void *room[ROOMS];
    size_t room_bytes[ROOMS];
};

void *cpu_room(bk *b, enum cpu_room which, size_t bytes); /* never NULL */
/* The entry for this key; op is NULL in a new one, which replaces the least
 * recently used. Keys are zero behind what they need. */
cpu_made *cpu_recall(bk *b, const int64_t key[CPU_KEY]);
/* 0 when there is nothing to do; ends the process when the extents of g do
 * not belong together. */
int cpu_window(bk *b, const bk_window *g, const char *op);
int64_t cpu_checked(bk *b, int32_t i, int64_t n, const char *op); /* i, if it is an index below n */

/* lines.c */
void cpu_fill(bk *b, real *y, int64_t n, real value);
void cpu_affine(bk *b, real *y, const real *x, int64_t n, real scale, real shift);
void cpu_axpy(bk *b, real *y, const real *x, int64_t n, real scale);
void cpu_map(bk *b, enum bk_map op, real *y, const real *x, int64_t n);
void cpu_clamp(bk *b, real *y, const real *x, int64_t n, real lo, real hi);
void cpu_within(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi);
void cpu_zip(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
             int64_t inner);
void cpu_spread(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner);
void cpu_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum, real decay,
             int nesterov);
/* fold.c */
void cpu_fold(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner);
/* norm.c */
void cpu_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta, int64_t rows,
            int64_t cols, real eps);
void cpu_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x, const real *gamma,
                 const real *mean, const real *var, int64_t rows, int64_t cols, real eps);
/* rows.c */
void cpu_copy_cols(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols, int64_t xfirst,
                   int64_t rows, int64_t cols);
void cpu_lse(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
void cpu_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols);
void cpu_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols);
void cpu_pick(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cpu_place(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cpu_take_rows(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
void cpu_put_rows(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k);
/* topk.c, nearest.c */
void cpu_topk(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k);
void cpu_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                 int64_t k);
/* product.c */
void cpu_gemm(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb, real beta,
              real *c);
void cpu_conv_y(bk *b, const bk_window *g, real *y, const real *x, const real *w);
void cpu_conv_x(bk *b, const bk_window *g, real *x, const real *y, const real *w);
void cpu_conv_w(bk *b, const bk_window *g, real *w, const real *x, const real *y);
/* pool.c */
void cpu_pool_max(bk *b, const bk_window *g, real *y, int32_t *at, const real *x);
void cpu_pool_avg(bk *b, const bk_window *g, real *y, const real *x);
void cpu_pool_avg_t(bk *b, const bk_window *g, real *x, const real *y);
void cpu_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *at);
/* images.c */
void cpu_images(bk *b, real *x, const uint8_t *px, const int32_t *dy_dx_flip, int64_t n, int64_t h, int64_t w,
                int64_t c, const real *mean, const real *dev);
void cpu_uniform(bk *b, real *y, int64_t n, uint64_t seed);
void cpu_normal(bk *b, real *y, int64_t n, uint64_t seed);
/* plan.c */
bk_plan *cpu_plan_open(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags);
size_t cpu_plan_bytes(bk *b, const bk_plan *p);
void cpu_plan_run(bk *b, bk_plan *p, real *y, void *kept, const real *x, const real *w, real *stats,
                  uint64_t version);
void cpu_plan_grad(bk *b, bk_plan *p, real *dx, real *dw, const real *dy, void *kept, const real *x, const real *w);
size_t cpu_plan_more(bk *b, bk_plan *p);
void cpu_plan_slope(bk *b, bk_plan *p, real *dx, void *more, const real *dy, void *kept, const real *x,
                    const real *w);
void cpu_plan_bend(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                   const real *x, const real *w);
void cpu_plan_close(bk *b, bk_plan *p);

#endif
