/* filter.h - the k largest of each row of a stream of columns, sorted, for
 * topk.cu and nearest.cu.
 *
 * Each value becomes a key: its bits, turned so that they compare as the values
 * do (NaN above all, -0 equal to 0), over its index, turned so that the lower
 * one wins a tie. Keys differ, so "the k largest keys" has one answer however it
 * is found. Up to FILTER_MOST of them a block filters its row in one reading
 * (filter.cu); more are found by their digits (select.cu). */
#ifndef CUDA_FILTER_H
#define CUDA_FILTER_H

#include "kernel.h"

enum { FILTER_MOST = 3072, FILTER_ROOM = 4096 };

/* One reading of x[rows][stride], of which `cols` columns count. */
typedef struct filter_run {
    const real *x;
    int64_t rows, cols, stride;
    int64_t first;    /* the index of column 0: those of earlier runs were lower */
    int64_t k;        /* at most FILTER_MOST, or all the columns there are are at most FILTER_ROOM */
    int begins, ends; /* no runs were before, none will follow */
    int values;       /* y is to be x to the bit: this one run sees all columns */
    uint64_t *kept;   /* filter_bytes() to remember by between runs and parts */
    real *y;          /* [rows][k], at the end */
    int32_t *at;
    int64_t parts, room; /* filter_plan() sets them: parts of a row, keys of each */
    int threads;
} filter_run;

/* How to go about it: `cols` in a run, `all` in all runs. */
void filter_plan(bk *b, filter_run *r, int64_t cols, int64_t all);
size_t filter_bytes(const filter_run *r);
void filter_launch(bk *b, const filter_run *r);

/* Any k <= cols < 2^31 of x[rows][cols] that lies dense; room: select_bytes(). */
size_t select_bytes(int64_t rows, int64_t cols, int64_t k);
void select_launch(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k, void *room);

/* Compares as the value does; 0 is below all. */
static __device__ __forceinline__ uint32_t order_of(float x)
{
    uint32_t bits = __float_as_uint(x + 0.0f);
    return x != x ? 0xffffffffu : bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

static __device__ __forceinline__ float value_of(uint32_t order)
{
    return __uint_as_float(order ^ (order >> 31 ? 0x80000000u : 0xffffffffu));
}

static __device__ __forceinline__ uint64_t key_of(float x, int64_t index)
{
    return (uint64_t)order_of(x) << 32 | (0xffffffffu - (uint32_t)index);
}

static __device__ __forceinline__ int64_t index_of(uint64_t key)
{
    return (int64_t)(0xffffffffu - (uint32_t)key);
}

#endif
