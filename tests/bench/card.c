/* card.c - what a graphics card can do at best, for devices that are one: products
 * of 8192 x 8192 matrices by cuBLAS in f32, TF32 and bf16, and copies within its
 * memory. cuBLAS is the one that the backend has loaded already; this program is
 * linked without it. */
#include "bench.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../kernels/random.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8192, TRIES = 9, EACH = 4, SMALL = 64 };
#define COPIED ((size_t)1 << 30) /* bytes, beyond every cache */

/* cuBLAS's numbers for types and for how to compute. */
enum { R_32F = 0, R_16BF = 14, COMPUTE_32F = 68, COMPUTE_32F_TF32 = 77, DEFAULT = -1 };
typedef int create_blas(void **handle);
typedef int destroy_blas(void *handle);
typedef int gemm_ex(void *handle, int ta, int tb, int m, int n, int k, const void *alpha, const void *a, int atype,
                    int lda, const void *b, int btype, int ldb, const void *beta, void *c, int ctype, int ldc,
                    int compute, int algorithm);
typedef int get_vector(int n, int size, const void *x, int incx, void *y, int incy); /* waits */

static struct blas {
    create_blas *create;
    destroy_blas *destroy;
    gemm_ex *gemm;
    get_vector *get;
    void *handle;
} blas;

static const struct way {
    int type, compute;
    const char *how;
} ways[PEAKS] = {
    [PEAK_F32] = {R_32F, COMPUTE_32F, "products by cuBLAS"},
    [PEAK_TF32] = {R_32F, COMPUTE_32F_TF32, "products by cuBLAS"},
    [PEAK_BF16] = {R_16BF, COMPUTE_32F, "products by cuBLAS"},
};

int card_is_open(void)
{
    return strcmp(device_name(), "cuda") == 0;
}

/* "NVIDIA H200, compute capability ..." is h200. */
void card_name(char name[96])
{
    char text[256], *to = name;
    device_describe(text, sizeof text);
    text[strcspn(text, ",")] = '\0';
    const char *from = strncmp(text, "NVIDIA ", 7) == 0 ? text + 7 : text;
    for (; *from && to < name + 95; from++)
        if (isalnum((unsigned char)*from))
            *to++ = (char)tolower((unsigned char)*from);
        else if (to > name && to[-1] != '-')
            *to++ = '-';
    *to = '\0';
}

static int open_blas(void)
{
    static const char *const objects[] = {"libcublas.so.13", "libcublas.so.12"};
    void *object = NULL;
    for (int i = 0; i < 2 && !object; i++)
        object = dlopen(objects[i], RTLD_NOW);
    if (!object)
        return 0;
    *(void **)&blas.create = dlsym(object, "cublasCreate_v2");
    *(void **)&blas.destroy = dlsym(object, "cublasDestroy_v2");
    *(void **)&blas.gemm = dlsym(object, "cublasGemmEx");
    *(void **)&blas.get = dlsym(object, "cublasGetVector");
    return blas.create && blas.destroy && blas.gemm && blas.get && blas.create(&blas.handle) == 0;
}

/* Numbers as networks have them, of either type; the clock falls with the power
 * that they draw, and zeros draw little. */
static void *matrix(int type)
{
    size_t each = type == R_16BF ? 2 : 4, count = (size_t)SIDE * SIDE;
    char *host = pool_host(count * each), *at = engine.api->alloc(engine.b, count * each);
    for (size_t i = 0; i < count && at; i++) {
        float x = (float)random_uniform(1, i) - 0.5f;
        memcpy(host + i * each, (const char *)&x + 4 - each, each); /* bf16: the upper half */
    }
    if (at)
        engine.api->write(engine.b, at, host, count * each);
    free(host);
    return at;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static peak_found found(const char *how, double rate[TRIES])
{
    qsort(rate, TRIES, sizeof *rate, by_size);
    return (peak_found){how, rate[TRIES / 2], rate[TRIES / 4], rate[TRIES - 1 - TRIES / 4], rate[TRIES - 1], TRIES};
}

static int multiply(const struct way *w, void *const m[3], int times)
{
    const float one = 1, zero = 0;
    float seen;
    int rc = 0;
    for (int i = 0; i < times && rc == 0; i++)
        rc = blas.gemm(blas.handle, 1, 0, SIDE, SIDE, SIDE, &one, m[0], w->type, SIDE, m[1], w->type, SIDE, &zero,
                       m[2], w->type, SIDE, w->compute, DEFAULT);
    return rc || blas.get(1, 2, m[2], 1, &seen, 1) ? -1 : 0;
}

static peak_found products(const struct way *w)
{
    double rate[TRIES];
    void *m[3];
    size_t bytes = (size_t)SIDE * SIDE * (w->type == R_16BF ? 2 : 4);
    for (int i = 0; i < 3; i++)
        m[i] = matrix(w->type);
    device_sync();
    int rc = !m[0] || !m[1] || !m[2] ? -1 : multiply(w, m, EACH); /* warm-up */
    for (int i = 0; i < TRIES && rc == 0; i++) {
        double began = clock_now();
        rc = multiply(w, m, EACH);
        rate[i] = EACH * 2e-9 * SIDE * SIDE * SIDE / (clock_now() - began);
    }
    for (int i = 0; i < 3; i++)
        if (m[i])
            engine.api->free(engine.b, m[i], bytes);
    return rc == 0 ? found(w->how, rate) : (peak_found){.how = NULL};
}

static peak_found copies(void)
{
    double rate[TRIES];
    void *from = engine.api->alloc(engine.b, COPIED), *to = engine.api->alloc(engine.b, COPIED);
    for (int i = -1; i < TRIES && from && to; i++) {
        double began = clock_now();
        for (int j = 0; j < EACH; j++)
            engine.api->copy(engine.b, to, from, COPIED);
        device_sync();
        if (i >= 0)
            rate[i] = EACH * 2e-9 * (double)COPIED / (clock_now() - began);
    }
    int good = from && to;
    if (from)
        engine.api->free(engine.b, from, COPIED);
    if (to)
        engine.api->free(engine.b, to, COPIED);
    return good ? found("copies on the card", rate) : (peak_found){.how = NULL};
}

peak_found card_peak(enum peak which)
{
    if (which == PEAK_MEMORY)
        return copies();
    if (!blas.handle && !open_blas())
        return (peak_found){.how = NULL};
    return products(&ways[which]);
}

void card_close(void)
{
    if (blas.handle)
        blas.destroy(blas.handle);
    blas.handle = NULL;
}
