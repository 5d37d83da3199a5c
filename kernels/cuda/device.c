/* device.c - the cuda backend's device: opening it or saying why not, memory,
 * traffic with the host, and what went wrong on the card. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../window.h"
#include "conv.h"
#include "queue.h"

enum { BLAS_BYTES = 32 << 20, STAGE_BYTES = 1 << 16, LEAST_MAJOR = 7, LEAST_MINOR = 5 };

/* --- What went wrong --- */

/* In a capture a call that cannot be captured is no end: the stretch then runs
 * call by call, where the same error is final. */
static int in_capture(bk *b)
{
    b->capturing = b->capturing ? 2 : 0;
    return b->capturing;
}

void cuda_check(bk *b, cudaError_t rc, const char *what, const char *file, int line)
{
    if (rc == cudaSuccess || in_capture(b))
        return;
    if (rc == cudaErrorIllegalAddress || rc == cudaErrorLaunchFailure || rc == cudaErrorMisalignedAddress ||
        rc == cudaErrorIllegalInstruction || rc == cudaErrorHardwareStackError)
        b->host->die(file, line, "a kernel failed on %s (%s): compute-sanitizer tells which and where", b->name,
                     cudaGetErrorString(rc));
    b->host->die(file, line, "%s: %s (%s)", what, cudaGetErrorString(rc), cudaGetErrorName(rc));
}

void blas_check(bk *b, cublasStatus_t rc, const char *what, const char *file, int line)
{
    if (rc != CUBLAS_STATUS_SUCCESS && !in_capture(b))
        b->host->die(file, line, "%s: cuBLAS answered %s", what, cublasGetStatusString(rc));
}

void dnn_check(bk *b, cudnnStatus_t rc, const char *what, const char *file, int line)
{
    if (rc != CUDNN_STATUS_SUCCESS && !in_capture(b))
        b->host->die(file, line, "%s: cuDNN answered %s", what, cudnnGetErrorString(rc));
}

static void report_complaint(bk *b)
{
    static const char *const where[] = {
        [IN_PICK] = "pick",         [IN_PLACE] = "place",           [IN_TAKE_ROWS] = "take_rows",
        [IN_PUT_ROWS] = "put_rows", [IN_POOL_MAX_T] = "pool_max_t", [IN_CUT] = "cut"};
    cuda_complaint c = *b->complaint;
    if (!c.raised)
        return;
    memset(b->complaint, 0, sizeof *b->complaint);
    CUDA_DIE(b, "%s: index %d of %d", where[c.raised], c.index, c.below);
}

void cuda_wait(bk *b)
{
    queue_flush(b);
    CUDA_DO(b, "wait", cudaStreamSynchronize(b->stream));
    report_complaint(b);
}

/* --- Opening --- */

typedef struct refusal { /* where open() says why */
    char *text;
    size_t cap;
} refusal;

static int refuse_driver(const refusal *why, cudaError_t rc)
{
    int driver = 0, runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaGetLastError();
    if (rc == cudaErrorInsufficientDriver && driver == 0)
        snprintf(why->text, why->cap,
                 "no NVIDIA driver is loaded: install one that serves CUDA %d.%d, or choose "
                 "another device",
                 runtime / 1000, runtime % 1000 / 10);
    else if (rc == cudaErrorInsufficientDriver)
        snprintf(why->text, why->cap, "the driver serves CUDA %d.%d, this backend needs %d.%d: update the driver",
                 driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    else if (rc == cudaErrorNoDevice)
        snprintf(why->text, why->cap, "no card is visible: see what nvidia-smi lists, and CUDA_VISIBLE_DEVICES");
    else if (rc == cudaErrorDevicesUnavailable)
        snprintf(why->text, why->cap,
                 "another process holds the card, which is set to serve one at a time: wait "
                 "for it, or run nvidia-smi -c DEFAULT");
    else
        snprintf(why->text, why->cap, "%s: see whether nvidia-smi works", cudaGetErrorString(rc));
    return -1;
}

static int property(bk *b, enum cudaDeviceAttr which)
{
    int value = 0;
    return cudaDeviceGetAttribute(&value, which, b->ordinal) == cudaSuccess ? value : 0;
}

static int open_card(bk *b, const refusal *why)
{
    struct cudaDeviceProp card;
    int count = -1;
    cudaError_t rc = cudaGetDeviceCount(&count);
    if (rc == cudaSuccess && (b->ordinal < 0 || b->ordinal >= count)) {
        snprintf(why->text, why->cap, "card %d was asked for, %d %s here: count from 0", b->ordinal, count,
                 count == 1 ? "is" : "are");
        return -1;
    }
    if (rc != cudaSuccess || (rc = cudaSetDevice(b->ordinal)) != cudaSuccess ||
        (rc = cudaFree(NULL)) != cudaSuccess || (rc = cudaGetDeviceProperties(&card, b->ordinal)) != cudaSuccess)
        return refuse_driver(why, rc);
    snprintf(b->name, sizeof b->name, "%s", card.name);
    b->major = property(b, cudaDevAttrComputeCapabilityMajor);
    b->minor = property(b, cudaDevAttrComputeCapabilityMinor);
    b->processors = property(b, cudaDevAttrMultiProcessorCount);
    b->l2 = (size_t)property(b, cudaDevAttrL2CacheSize);
    cudaDriverGetVersion(&b->driver);
    if (b->major > LEAST_MAJOR || (b->major == LEAST_MAJOR && b->minor >= LEAST_MINOR))
        return 0;
    snprintf(why->text, why->cap,
             "%s has compute capability %d.%d, this backend needs %d.%d: choose another device", b->name, b->major,
             b->minor, LEAST_MAJOR, LEAST_MINOR);
    return -1;
}

static int open_cudnn(bk *b, const refusal *why)
{
    b->dnn_version = cudnnGetVersion();
    if (b->dnn_version / 10000 != CUDNN_MAJOR) {
        snprintf(why->text, why->cap,
                 "cuDNN %zu was found, this backend was built for %d: install libcudnn%d or "
                 "rebuild with make",
                 b->dnn_version / 10000, CUDNN_MAJOR, CUDNN_MAJOR);
        return -1;
    }
    cudnnStatus_t rc = cudnnCreate(&b->dnn);
    if (rc == CUDNN_STATUS_SUCCESS)
        rc = cudnnSetStream(b->dnn, b->stream);
    if (rc == CUDNN_STATUS_SUCCESS)
        return 0;
    snprintf(why->text, why->cap, "cuDNN does not start (%s): are all its parts (libcudnn_*.so.9) in one folder?",
             cudnnGetErrorString(rc));
    return -1;
}

static int open_blas(bk *b, const refusal *why)
{
    cublasMath_t math = b->flags & (BK_FAST | BK_TF32) ? CUBLAS_TF32_TENSOR_OP_MATH : CUBLAS_DEFAULT_MATH;
    cublasStatus_t rc = cublasCreate(&b->blas);
    if (rc == CUBLAS_STATUS_SUCCESS)
        rc = cublasSetStream(b->blas, b->stream);
    if (rc == CUBLAS_STATUS_SUCCESS)
        rc = cublasSetWorkspace(b->blas, b->room[ROOM_BLAS], b->room_bytes[ROOM_BLAS]);
    if (rc == CUBLAS_STATUS_SUCCESS)
        rc = cublasSetMathMode(b->blas, math);
    if (rc == CUBLAS_STATUS_SUCCESS)
        return 0;
    snprintf(why->text, why->cap, "cuBLAS does not start (%s)", cublasGetStatusString(rc));
    return -1;
}

static int open_memory(bk *b, const refusal *why)
{
    b->room_bytes[ROOM_BLAS] = BLAS_BYTES;
    if (cudaStreamCreateWithFlags(&b->stream, cudaStreamNonBlocking) == cudaSuccess &&
        cudaHostAlloc((void **)&b->complaint, sizeof *b->complaint, cudaHostAllocMapped) == cudaSuccess &&
        cudaHostAlloc((void **)&b->stage, STAGE_BYTES, cudaHostAllocDefault) == cudaSuccess &&
        cudaHostGetDevicePointer((void **)&b->complaint_there, b->complaint, 0) == cudaSuccess &&
        cudaMalloc(&b->room[ROOM_BLAS], BLAS_BYTES) == cudaSuccess && queue_open(b) == 0) {
        memset(b->complaint, 0, sizeof *b->complaint);
        return 0;
    }
    size_t unused = 0, total = 0;
    cudaMemGetInfo(&unused, &total);
    snprintf(why->text, why->cap, "%s has %zu of %zu MiB left, too little to begin with: see what nvidia-smi lists",
             b->name, unused >> 20, total >> 20);
    return -1;
}

static void cuda_close(bk *b)
{
    if (!b)
        return;
    if (b->stream)
        cudaStreamSynchronize(b->stream);
    conv_close(b);
    queue_close(b);
    if (b->dnn)
        cudnnDestroy(b->dnn);
    if (b->blas)
        cublasDestroy(b->blas);
    for (int i = 0; i < ROOMS; i++)
        cudaFree(b->room[i]);
    if (b->complaint)
        cudaFreeHost(b->complaint);
    if (b->stage)
        cudaFreeHost(b->stage);
    if (b->stream)
        cudaStreamDestroy(b->stream);
    free(b);
}

static bk *cuda_open(const bk_host *host, int ordinal, unsigned flags, char *text, size_t cap)
{
    refusal why = {text, cap};
    bk *b = calloc(1, sizeof *b);
    if (!b) {
        snprintf(text, cap, "no memory for it");
        return NULL;
    }
    b->host = host;
    b->ordinal = ordinal;
    b->flags = flags;
    if (open_card(b, &why) == 0 && open_memory(b, &why) == 0 && open_cudnn(b, &why) == 0 && open_blas(b, &why) == 0)
        return b;
    cudaGetLastError(); /* `why` says it: not the next launch */
    cuda_close(b);
    return NULL;
}

static void cuda_describe(bk *b, char *text, size_t cap)
{
    int blas = 0;
    cublasGetVersion(b->blas, &blas);
    snprintf(text, cap,
             "cuda: %s, compute capability %d.%d, driver for CUDA %d.%d, cuDNN %zu.%zu.%zu, cuBLAS %d.%d.%d",
             b->name, b->major, b->minor, b->driver / 1000, b->driver % 1000 / 10, b->dnn_version / 10000,
             b->dnn_version % 10000 / 100, b->dnn_version % 100, blas / 10000, blas % 10000 / 100, blas % 100);
}

/* --- Memory --- */

static void cuda_memory(bk *b, size_t *unused, size_t *total)
{
    CUDA_DO(b, "memory", cudaMemGetInfo(unused, total));
}

static void *cuda_alloc(bk *b, size_t bytes)
{
    void *p = NULL;
    cudaError_t rc = cudaMalloc(&p, bytes ? bytes : 1);
    if (rc == cudaSuccess)
        return p;
    if (rc != cudaErrorMemoryAllocation)
        CUDA_DO(b, "alloc", rc);
    cudaGetLastError(); /* NULL says it */
    return NULL;
}

/* What waits in the queue, or runs, may still use it. */
static void cuda_free(bk *b, void *p, size_t bytes)
{
    (void)bytes;
    queue_flush(b);
    CUDA_DO(b, "free", cudaStreamSynchronize(b->stream));
    CUDA_DO(b, "free", cudaFree(p));
}

void *cuda_take(bk *b, size_t bytes)
{
    void *p = cuda_alloc(b, bytes);
    if (!p && b->host->trim) {
        b->host->trim();
        p = cuda_alloc(b, bytes);
    }
    if (!p && b->host->out_of_memory)
        b->host->out_of_memory(bytes);
    if (!p)
        CUDA_DIE(b, "%s has no memory for another %zu MiB: a smaller batch needs less", b->name, bytes >> 20);
    return p;
}

void cuda_give(bk *b, void *p)
{
    if (p)
        cuda_free(b, p, 0);
}

/* A graph knows the address that a room had. */
void cuda_need_room(bk *b, enum cuda_room which, size_t bytes)
{
    if (bytes == 0 || (bytes <= b->room_bytes[which] && b->room[which]))
        return;
    cuda_give(b, b->room[which]);
    queue_forget(b);
    b->room[which] = NULL;
    b->room_bytes[which] = bytes;
    b->room[which] = cuda_take(b, bytes);
    if (which == ROOM_TURNS)
        CUDA_DO(b, "clear", cudaMemsetAsync(b->room[which], 0, bytes, b->stream));
}

/* --- Traffic --- */

typedef struct copy_args {
    void *dst;
    const void *src; /* NULL: the payload */
    int64_t bytes;
} copy_args;

static void copy_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const copy_args *a = args;
    (void)scalars;
    CUDA_DO(
        b, "copy",
        cudaMemcpyAsync(a->dst, a->src ? a->src : payload, (size_t)a->bytes, cudaMemcpyDeviceToDevice, b->stream));
}

static void cuda_copy(bk *b, void *dst, const void *src, size_t bytes)
{
    copy_args a = {dst, src, (int64_t)bytes};
    if (bytes && dst != src)
        ENQUEUE(b, copy_go, a);
}

static void cuda_write(bk *b, void *dst, const void *src, size_t bytes)
{
    copy_args a = {dst, NULL, (int64_t)bytes};
    if (!bytes)
        return;
    if (bytes <= queue_room(b)) {
        queue_add(
            b, &(queue_call){.go = copy_go, .args = &a, .bytes = sizeof a, .payload = src, .payload_bytes = bytes});
        return;
    }
    queue_flush(b);
    CUDA_DO(b, "write", cudaMemcpyAsync(dst, src, bytes, cudaMemcpyHostToDevice, b->stream));
    cuda_wait(b); /* src is the caller's again */
}

/* What is small goes by way of page-locked memory, which needs no second wait. */
static void cuda_read(bk *b, void *dst, const void *src, size_t bytes)
{
    void *to = bytes <= STAGE_BYTES ? b->stage : dst;
    if (!bytes)
        return;
    queue_flush(b);
    CUDA_DO(b, "read", cudaMemcpyAsync(to, src, bytes, cudaMemcpyDeviceToHost, b->stream));
    cuda_wait(b);
    if (to != dst)
        memcpy(dst, to, bytes);
}

int cuda_window(bk *b, const bk_window *g, const char *op)
{
    if (window_empty(g))
        return 0;
    if (!window_fits(g))
        CUDA_DIE(b, "%s: %lldx%lld by %dx%d stride %d pad %d does not give %lldx%lld", op, (long long)g->h,
                 (long long)g->w, g->r, g->s, g->stride, g->pad, (long long)g->p, (long long)g->q);
    return 1;
}

#define E(name) .name = cuda_##name
// clang-format off
static const bk_api api = {
    .abi = BK_ABI, .size = sizeof(bk_api), .real_bytes = sizeof(real), .name = "cuda",
    E(open), E(close), E(describe), E(memory), E(alloc), E(free), E(write), E(read), E(copy), .sync = cuda_wait,
    E(fill), E(affine), E(axpy), E(map), E(clamp), E(within), E(zip), E(spread), E(fold), E(copy_cols),
    E(lse), E(topk), E(pick), E(place), E(take_rows), E(put_rows), E(gemm), E(conv_y), E(conv_x), E(conv_w),
    E(pool_max), E(pool_avg), E(pool_avg_t), E(images), E(uniform), E(normal), E(cut),
    E(bn), E(bn_grad), E(log_softmax), E(log_softmax_grad), E(pool_max_t), E(sgd), E(nearest),
    E(plan_open), E(plan_bytes), E(plan_run), E(plan_grad), E(plan_close),
    E(plan_more), E(plan_slope), E(plan_bend),
};
// clang-format on

const bk_api *bk_query(uint32_t abi, uint32_t size)
{
    return abi == BK_ABI && size == sizeof(bk_api) ? &api : NULL;
}
