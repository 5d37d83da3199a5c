/* blas.cpp - cuBLAS: products by columns, summed in double.
 * Factors are rounded to TF32 where the handle's mode or the call allows it, so
 * that who must not allow it sees the difference. */
#include <algorithm>
#include <vector>

#include "emulator.hpp"
#include "include/cublas_v2.h"

using namespace emulator;

struct cublasContext {
    cudaStream_t stream;
    cublasMath_t math;
};

namespace
{
struct matrix { /* as cuBLAS is handed it */
    const void *at;
    element type;
    int64_t ld, stride; /* between columns, between matrices */
};

struct product {
    bool ta, tb, tf32;
    int64_t m, n, k, count;
    double alpha, beta;
    matrix a, b, c;
};

/* op(x) with `rows` x `cols`, by rows. */
std::vector<double> dense(const matrix &x, int64_t which, bool transposed, bool by_rows, int64_t rows, int64_t cols,
                          bool tf32)
{
    std::vector<double> y((size_t)(rows * cols));
    const char *at = (const char *)x.at + which * x.stride * (int64_t)element_bytes(x.type);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            double v = element_get(at, transposed ? i * x.ld + j : j * x.ld + i, x.type);
            y[(size_t)(by_rows ? i * cols + j : j * rows + i)] = tf32 ? as_tf32((float)v) : v;
        }
    return y;
}

void multiply_one(const product &p, int64_t which)
{
    std::vector<double> a = dense(p.a, which, p.ta, true, p.m, p.k, p.tf32);
    std::vector<double> b = dense(p.b, which, p.tb, true, p.k, p.n, p.tf32), sum((size_t)p.n);
    char *c = (char *)p.c.at + which * p.c.stride * (int64_t)element_bytes(p.c.type);
    for (int64_t i = 0; i < p.m; i++) {
        std::fill(sum.begin(), sum.end(), 0.0);
        add_rows(sum.data(), p.n, a.data() + i * p.k, p.k, b.data(), p.n);
        for (int64_t j = 0; j < p.n; j++) {
            int64_t at = j * p.c.ld + i;
            double before = p.beta != 0 ? p.beta * element_get(c, at, p.c.type) : 0;
            element_put(c, at, p.c.type, p.alpha * sum[(size_t)j] + before);
        }
    }
}

cublasStatus_t enqueue_product(cublasHandle_t h, const product &p)
{
    if (!h)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    if (p.m < 0 || p.n < 0 || p.k < 0 || p.count < 0 || p.a.ld < (p.ta ? p.k : p.m) ||
        p.b.ld < (p.tb ? p.n : p.k) || p.c.ld < p.m || p.a.ld < 1 || p.b.ld < 1 || p.c.ld < 1)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!p.m || !p.n || !p.count)
        return CUBLAS_STATUS_SUCCESS;
    if (!inside_device(p.c.at) || (p.k && (!inside_device(p.a.at) || !inside_device(p.b.at))))
        return CUBLAS_STATUS_EXECUTION_FAILED;
    cudaError_t rc = enqueue(h->stream, [p] {
        for (int64_t i = 0; i < p.count; i++)
            multiply_one(p, i);
    });
    return rc == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

bool mode_allows_tf32(cublasHandle_t h)
{
    return h && (h->math & 3) == CUBLAS_TF32_TENSOR_OP_MATH;
}

bool element_of(cudaDataType type, element *e)
{
    *e = type == CUDA_R_32F ? FLOAT32 : BFLOAT16;
    return type == CUDA_R_32F || type == CUDA_R_16BF;
}
} // namespace

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasContext();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int *version)
{
    *version = CUBLAS_VER_MAJOR * 10000 + CUBLAS_VER_MINOR * 100 + CUBLAS_VER_PATCH;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int *value)
{
    *value = type == MAJOR_VERSION ? CUBLAS_VER_MAJOR : type == MINOR_VERSION ? CUBLAS_VER_MINOR : CUBLAS_VER_PATCH;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t *stream)
{
    *stream = handle->stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t, void *workspace, size_t bytes)
{
    if (bytes && (where_is(workspace, bytes) != ON_DEVICE || (uintptr_t)workspace % 256))
        return CUBLAS_STATUS_INVALID_VALUE;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode)
{
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t *mode)
{
    *mode = handle->math;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t, cublasAtomicsMode_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t, cublasPointerMode_t mode)
{
    return mode == CUBLAS_POINTER_MODE_HOST ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasSgemm_64(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int64_t m, int64_t n,
                              int64_t k, const float *alpha, const float *a, int64_t lda, const float *b,
                              int64_t ldb, const float *beta, float *c, int64_t ldc)
{
    product p = {ta != CUBLAS_OP_N,    tb != CUBLAS_OP_N,    mode_allows_tf32(h), m, n, k, 1, *alpha, *beta,
                 {a, FLOAT32, lda, 0}, {b, FLOAT32, ldb, 0}, {c, FLOAT32, ldc, 0}};
    return enqueue_product(h, p);
}

cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                           const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta,
                           float *c, int ldc)
{
    return cublasSgemm_64(h, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n,
                                         int k, const float *alpha, const float *a, int lda, long long sa,
                                         const float *b, int ldb, long long sb, const float *beta, float *c,
                                         int ldc, long long sc, int count)
{
    product p = {ta != CUBLAS_OP_N,     tb != CUBLAS_OP_N,     mode_allows_tf32(h),  m, n, k, count, *alpha, *beta,
                 {a, FLOAT32, lda, sa}, {b, FLOAT32, ldb, sb}, {c, FLOAT32, ldc, sc}};
    return enqueue_product(h, p);
}

cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t ta, cublasOperation_t tb, int m, int n, int k,
                            const void *alpha, const void *a, cudaDataType type_a, int lda, const void *b,
                            cudaDataType type_b, int ldb, const void *beta, void *c, cudaDataType type_c, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t)
{
    element ea, eb, ec;
    if (!element_of(type_a, &ea) || !element_of(type_b, &eb) || !element_of(type_c, &ec) || ea != eb ||
        (ea == FLOAT32 && ec != FLOAT32))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    bool tf32 = ea == FLOAT32 && compute != CUBLAS_COMPUTE_32F_PEDANTIC &&
                (compute != CUBLAS_COMPUTE_32F || mode_allows_tf32(h));
    product p = {ta != CUBLAS_OP_N,
                 tb != CUBLAS_OP_N,
                 tf32,
                 m,
                 n,
                 k,
                 1,
                 *(const float *)alpha,
                 *(const float *)beta,
                 {a, ea, lda, 0},
                 {b, eb, ldb, 0},
                 {c, ec, ldc, 0}};
    return enqueue_product(h, p);
}

const char *cublasGetStatusName(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS           ? "CUBLAS_STATUS_SUCCESS"
           : status == CUBLAS_STATUS_NOT_INITIALIZED ? "CUBLAS_STATUS_NOT_INITIALIZED"
           : status == CUBLAS_STATUS_INVALID_VALUE   ? "CUBLAS_STATUS_INVALID_VALUE"
           : status == CUBLAS_STATUS_NOT_SUPPORTED   ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                                     : "CUBLAS_STATUS_EXECUTION_FAILED";
}

const char *cublasGetStatusString(cublasStatus_t status)
{
    return cublasGetStatusName(status);
}
