/* tile.h - sums down the columns of an image: a tile is up to COLUMNS of them
 * wide, and the blocks of a column of the grid share its rows. Each block adds in
 * float by trees; the last one that is done adds the blocks' parts in double. */
#ifndef CUDA_TILE_H
#define CUDA_TILE_H

#include "kernel.h"

enum { TILE_THREADS = 512, TILE_WARPS = TILE_THREADS / WARP, COLUMNS = WARP };

/* Adds over the block's rows: thread c has the sum of the tile's column c. */
template <int V> static __device__ __forceinline__ float block_sum(float (&a)[V], int across)
{
    __shared__ float part[TILE_WARPS][COLUMNS];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    for (int d = WARP / 2; d >= across; d /= 2)
        for (int k = 0; k < V; k++)
            a[k] += __shfl_xor_sync(ALL_LANES, a[k], d);
    for (int k = 0; k < V && lane < across; k++)
        part[warp][lane * V + k] = a[k];
    __syncthreads();
    float sum = 0;
    for (int w = 0; w < TILE_WARPS && warp == 0; w++)
        sum += part[w][lane];
    __syncthreads();
    return sum;
}

/* Whether all other blocks of this tile have written their parts. */
static __device__ __forceinline__ int last_of_tile(unsigned *turns)
{
    __shared__ int last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicInc(&turns[blockIdx.x], gridDim.y - 1) == gridDim.y - 1; /* and back to 0 */
        __threadfence();
    }
    __syncthreads();
    return last;
}

/* Adds over the warps; thread c of the first has the sums of column c. */
static __device__ __forceinline__ void add_warps(double &a, double &b)
{
    __shared__ double part[2][TILE_WARPS][COLUMNS];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    part[0][warp][lane] = a;
    part[1][warp][lane] = b;
    __syncthreads();
    for (int w = 1; w < TILE_WARPS && warp == 0; w++) {
        a += part[0][w][lane];
        b += part[1][w][lane];
    }
}

/* Rows that block `part` of `parts` added up, `down` side by side. */
static __device__ __forceinline__ double rows_of(int64_t rows, int64_t part, int64_t parts, int64_t down)
{
    int64_t rest = rows % (parts * down) - part * down;
    return (double)(rows / (parts * down) * down + (rest < 0 ? 0 : rest < down ? rest : down));
}

#endif
