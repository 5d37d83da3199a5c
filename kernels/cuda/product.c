/* product.c - matrix products through cuBLAS, convolutions through conv.c. */
#include "conv.h"
#include "queue.h"

#include <limits.h>

typedef struct gemm_args { /* as cublasSgemm has them */
    int64_t ta, tb, m, n, k;
    const real *a, *b;
    double beta; /* eight bytes, like the rest */
    real *c;
} gemm_args;

/* cuBLAS thinks in columns, and our rows are its columns: it computes the
 * transposed product, c' = op(b)' op(a)'. */
static void gemm_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const gemm_args *g = args;
    const cublasOperation_t ta = g->ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb = g->tb ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int m = (int)g->m, n = (int)g->n, k = (int)g->k;
    const real one = 1, beta = (real)g->beta;
    (void)scalars, (void)payload;
    BLAS_DO(b, "gemm",
            cublasSgemm(b->blas, tb, ta, n, m, k, &one, g->b, g->tb ? k : n, g->a, g->ta ? m : k, &beta, g->c, n));
}

void cuda_gemm(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb, real beta,
               real *c)
{
    gemm_args g = {ta != 0, tb != 0, m, n, k, a, bb, (double)beta, c};
    if (m == 0 || n == 0 || k == 0)
        return;
    if (m > INT_MAX || n > INT_MAX || k > INT_MAX)
        CUDA_DIE(b, "gemm: %lld x %lld x %lld: no extent may be above %d: cut the product into slices",
                 (long long)m, (long long)n, (long long)k, INT_MAX);
    ENQUEUE(b, gemm_go, g);
}

static void convolve(bk *b, enum conv_kind kind, const char *op, const bk_window *g, real *out, const real *first,
                     const real *second)
{
    conv_spec s = {.kind = kind, .g = *g};
    if (cuda_window(b, g, op))
        conv_enqueue(b, conv_choose(b, &s), out, first, second, NULL, NULL);
}

void cuda_conv_y(bk *b, const bk_window *g, real *y, const real *x, const real *w)
{
    convolve(b, CONV_Y, "conv_y", g, y, x, w);
}

void cuda_conv_x(bk *b, const bk_window *g, real *x, const real *y, const real *w)
{
    convolve(b, CONV_X, "conv_x", g, x, y, w);
}

void cuda_conv_w(bk *b, const bk_window *g, real *w, const real *x, const real *y)
{
    convolve(b, CONV_W, "conv_w", g, w, x, y);
}
