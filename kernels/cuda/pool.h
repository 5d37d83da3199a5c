/* pool.h - pooling for pool.cu's own entries and for plans. All are enqueued. */
#ifndef CUDA_POOL_H
#define CUDA_POOL_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pool_spec {
    bk_window g;
    int max;   /* the largest of a window, else its mean, in which padding counts */
    int bf16;  /* images are bfloat16, else float */
    int y_f32; /* but the small image is float */
} pool_spec;

/* at: where each largest value was, as backend.h counts; NULL: not wanted. */
void pool_forward(bk *b, const pool_spec *s, void *y, int32_t *at, const void *x);

/* The adjoint. at (max only): what pool_forward wrote, and nothing else. */
void pool_back(bk *b, const pool_spec *s, void *dx, const void *dy, const int32_t *at);

#ifdef __cplusplus
}
#endif
#endif
