/* lines.h - for kernels that run along arrays: where a running index stands in
 * rows (spot), moved on without the division of 64 bits, which costs as much as
 * the memory access it is for. */
#ifndef CUDA_LINES_H
#define CUDA_LINES_H

#include "pack.h"

typedef struct spot {
    int64_t row, at; /* below the number of rows, where it begins anew, and below their length */
} spot;

static __host__ __device__ __forceinline__ int64_t quotient(int64_t i, int64_t d)
{
    return ((uint64_t)i | (uint64_t)d) >> 32 ? i / d : (int64_t)((uint32_t)i / (uint32_t)d);
}

static __host__ __device__ __forceinline__ spot spot_of(int64_t i, int64_t rows, int64_t length)
{
    int64_t row = quotient(i, length);
    return {row - quotient(row, rows) * rows, i - row * length};
}

static __device__ __forceinline__ void spot_move(spot *s, spot by, int64_t rows, int64_t length)
{
    s->at += by.at;
    s->row += by.row;
    if (s->at >= length) {
        s->at -= length;
        s->row++;
    }
    s->row -= s->row >= rows ? rows : 0;
}

#endif
