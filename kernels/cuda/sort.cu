/* sort.cu - radix sort by eight bits a pass, the lowest first; every pass is
 * stable. A block has a chunk of the pairs, and each of its warps a run of that,
 * so that where a pair goes follows from three counts: of its digit in chunks
 * before, in runs before, and before it in its own run. */
#include "sort.h"

#include "scan.h"

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };
static_assert((int)DIGITS == (int)SCAN_THREADS, "a thread for each digit");

typedef struct sort_pass {
    const uint32_t *key, *item;
    uint32_t *to_key, *to_item;
    uint32_t *counts, *totals;
    int64_t n, chunks;
    int shift;
} sort_pass;

static __device__ __forceinline__ unsigned digit_of(const sort_pass *p, uint32_t key)
{
    return key >> p->shift & (DIGITS - 1);
}

static __global__ void count_kernel(sort_pass p)
{
    __shared__ unsigned seen[DIGITS];
    int64_t first = (int64_t)blockIdx.x * CHUNK, row = blockIdx.y;
    seen[threadIdx.x] = 0;
    __syncthreads();
    for (int64_t i = first + threadIdx.x; i < first + CHUNK && i < p.n; i += SCAN_THREADS)
        atomicAdd(&seen[digit_of(&p, p.key[row * p.n + i])], 1u);
    __syncthreads();
    p.counts[(row * DIGITS + threadIdx.x) * p.chunks + blockIdx.x] = seen[threadIdx.x];
}

/* The lanes among these that have this digit. */
static __device__ __forceinline__ unsigned lanes_alike(unsigned digit, unsigned among)
{
    unsigned alike = among;
    for (int bit = 0; bit < DIGIT_BITS; bit++) {
        unsigned set = __ballot_sync(ALL_LANES, digit >> bit & 1);
        alike &= digit >> bit & 1 ? set : ~set;
    }
    return alike;
}

/* Pairs [i, end) of one warp, to where `next` says for each digit. */
static __device__ void scatter_run(const sort_pass *p, int64_t row, int64_t i, int64_t end, unsigned *next)
{
    unsigned lane = threadIdx.x % WARP, below = (1u << lane) - 1;
    for (; i < end; i += WARP) {
        int64_t from = row * p->n + i + lane;
        int in = i + lane < end;
        uint32_t key = in ? p->key[from] : 0;
        unsigned digit = digit_of(p, key), alike = lanes_alike(digit, __ballot_sync(ALL_LANES, in));
        unsigned to = next[digit];
        __syncwarp();
        if (in) {
            int64_t at = row * p->n + to + __popc(alike & below);
            p->to_key[at] = key;
            p->to_item[at] = p->item[from];
            if ((alike & below) == 0)
                next[digit] = to + __popc(alike);
        }
        __syncwarp();
    }
}

static __global__ void scatter_kernel(sort_pass p)
{
    __shared__ unsigned next[SCAN_WARPS][DIGITS], room[SCAN_WARPS];
    int64_t row = blockIdx.y;
    int warp = threadIdx.x / WARP, digit = threadIdx.x;
    int64_t first = (int64_t)blockIdx.x * CHUNK + warp * SHARE, end = first + SHARE < p.n ? first + SHARE : p.n;
    for (int w = 0; w < SCAN_WARPS; w++)
        next[w][digit] = 0;
    __syncthreads();
    for (int64_t i = first + threadIdx.x % WARP; i < end; i += WARP)
        atomicAdd(&next[warp][digit_of(&p, p.key[row * p.n + i])], 1u);
    unsigned sum, at = block_before(p.totals[row * DIGITS + digit], &sum, room);
    at += p.counts[(row * DIGITS + digit) * p.chunks + blockIdx.x];
    for (int w = 0; w < SCAN_WARPS; w++) {
        unsigned mine = next[w][digit];
        next[w][digit] = at;
        at += mine;
    }
    __syncthreads();
    scatter_run(&p, row, first, end, next[warp]);
}

static size_t pairs_bytes(int64_t rows, int64_t n)
{
    return (size_t)(rows * n) * sizeof(uint32_t);
}

size_t sort_bytes(int64_t rows, int64_t n)
{
    return 4 * pairs_bytes(rows, n) + (size_t)(rows * DIGITS * (chunks_of(n) + 1)) * sizeof(uint32_t);
}

sort_pairs sort_within(void *room, int64_t rows, int64_t n)
{
    uint32_t *at = (uint32_t *)room;
    int64_t size = rows * n;
    return {rows, n, at, at + size, at + 2 * size, at + 3 * size, at + 4 * size};
}

void sort_launch(bk *b, sort_pairs *s, int bits)
{
    int64_t chunks = chunks_of(s->n);
    dim3 all((unsigned)chunks, (unsigned)s->rows), lists(DIGITS, (unsigned)s->rows);
    uint32_t *totals = s->counts + s->rows * DIGITS * chunks;
    for (int shift = 0; shift < bits; shift += DIGIT_BITS) {
        sort_pass p = {s->key, s->item, s->other_key, s->other_item, s->counts, totals, s->n, chunks, shift};
        LAUNCH(b, count_kernel, all, SCAN_THREADS, 0, p);
        LAUNCH(b, scan_kernel, lists, SCAN_THREADS, 0, s->counts, totals, chunks);
        LAUNCH(b, scatter_kernel, all, SCAN_THREADS, 0, p);
        s->key = p.to_key, s->item = p.to_item;
        s->other_key = (uint32_t *)p.key, s->other_item = (uint32_t *)p.item;
    }
}
