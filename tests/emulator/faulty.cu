/* faulty.cu - kernels for the test of the emulator itself (tests/fibers.c): right
 * ones, and ones with the mistakes that the emulator must bring to light. */
#include <cuda_runtime.h>

struct run {
    cudaStream_t stream;
    cudaError_t rc;
};
#define CUDA_DO(b, what, call) ((b)->rc = (call))

/* y[i] = x[i - 1] by way of shared memory; without the barrier a thread that runs
 * before its neighbour reads what the neighbour has not written. */
static __global__ void left_kernel(int *y, const int *x, int barrier)
{
    SHARED(int, s);
    s[threadIdx.x] = x[threadIdx.x];
    if (barrier)
        __syncthreads();
    y[threadIdx.x] = threadIdx.x ? s[threadIdx.x - 1] : -1;
}

static __global__ void deadlock_kernel(int *y)
{
    if (threadIdx.x == 3)
        __syncthreads();
    else
        y[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
}

static __global__ void outside_kernel(int *y, int n)
{
    y[n + threadIdx.x] = 1;
}

static __global__ void mask_kernel(int *y)
{
    y[threadIdx.x] = __any_sync(0x0000ffffu, threadIdx.x == 0);
}

/* For each lane: shuffles of all kinds, and votes. Threads from 40 on end first. */
static __global__ void warp_kernel(int *y)
{
    enum { RESULTS = 8 };
    int i = (int)threadIdx.x, lane = i % 32, *mine = y + i * RESULTS;
    if (i >= 40)
        return;
    unsigned mask = i < 32 ? 0xffffffffu : 0xffu;
    mine[0] = __shfl_sync(mask, i, 5);
    mine[1] = __shfl_xor_sync(mask, i, 3);
    mine[2] = __shfl_up_sync(mask, i, 2);
    mine[3] = __shfl_down_sync(mask, i, 2, 4);
    mine[4] = (int)__ballot_sync(mask, lane % 3 == 0);
    mine[5] = __any_sync(mask, lane == 1);
    mine[6] = __all_sync(mask, lane >= 0);
    mine[7] = (int)__shfl_xor_sync(mask, (double)i, 1);
}

static __global__ void count_kernel(int *y)
{
    atomicAdd(y, 1);
}

extern "C" {
cudaError_t faulty_left(cudaStream_t stream, int *y, const int *x, int n, int barrier)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, left_kernel, 1, n, n * sizeof(int), y, x, barrier);
    return b.rc;
}

cudaError_t faulty_deadlock(cudaStream_t stream, int *y)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, deadlock_kernel, 2, 32, 0, y);
    return b.rc;
}

cudaError_t faulty_outside(cudaStream_t stream, int *y, int n)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, outside_kernel, 1, 1, 0, y, n);
    return b.rc;
}

cudaError_t faulty_mask(cudaStream_t stream, int *y)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, mask_kernel, 1, 32, 0, y);
    return b.rc;
}

cudaError_t faulty_warp(cudaStream_t stream, int *y, int threads)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, warp_kernel, 1, threads, 0, y);
    return b.rc;
}

cudaError_t faulty_count(cudaStream_t stream, int *y, int blocks, int threads, int shared)
{
    run b = {stream, cudaSuccess};
    LAUNCH(&b, count_kernel, blocks, threads, shared, y);
    return b.rc;
}
}
