/* select.cu - the k largest of each row for any k: four passes find the k-th
 * largest digit by digit, one collects what is above it and, of what equals it,
 * the lowest indices, and a radix sort puts that in order. Rows of which most
 * are wanted are sorted whole. */
#include "filter.h"
#include "scan.h"
#include "sort.h"

enum { DIGITS = 256, MOST_TOGETHER = 1 << 23 }; /* values of the rows at work together */

typedef struct selection {
    const real *x;
    real *y;
    int32_t *at;
    int64_t cols, k, rows;
    uint32_t *seen;   /* [rows][DIGITS], zeros between passes */
    uint32_t *bound;  /* [rows] order of the k-th largest, as far as it is known */
    uint32_t *wanted; /* [rows] how many are still wanted of those that agree with it */
    uint32_t *counts; /* [rows][above, equal][chunks], then [rows][2] sums of these */
    int64_t chunks;
    sort_pairs pairs; /* [rows][k], or of whole rows */
} selection;

/* --- The k-th largest --- */

static __global__ void start_kernel(selection s)
{
    for (int64_t i = grid_first(); i < s.rows * DIGITS; i += grid_step())
        s.seen[i] = 0;
    for (int64_t i = grid_first(); i < s.rows; i += grid_step()) {
        s.bound[i] = 0;
        s.wanted[i] = (uint32_t)s.k;
    }
}

/* How often each digit occurs among the values that agree with the bound so far. */
static __global__ void digits_kernel(selection s, int shift)
{
    __shared__ unsigned seen[DIGITS];
    int64_t row = blockIdx.y, first = (int64_t)blockIdx.x * CHUNK;
    uint32_t bound = s.bound[row], known = shift == 24 ? 0 : 0xffffffffu << (shift + 8);
    seen[threadIdx.x] = 0;
    __syncthreads();
    for (int64_t i = first + threadIdx.x; i < first + CHUNK && i < s.cols; i += SCAN_THREADS) {
        uint32_t order = order_of(s.x[row * s.cols + i]);
        if ((order & known) == bound)
            atomicAdd(&seen[order >> shift & (DIGITS - 1)], 1u);
    }
    __syncthreads();
    if (seen[threadIdx.x])
        atomicAdd(&s.seen[row * DIGITS + threadIdx.x], seen[threadIdx.x]);
}

/* The next digit of the bound: a thread for each, the highest first. */
static __global__ void bound_kernel(selection s, int shift)
{
    __shared__ unsigned room[SCAN_WARPS];
    int64_t row = blockIdx.x;
    unsigned digit = DIGITS - 1 - threadIdx.x, mine = s.seen[row * DIGITS + digit], all;
    unsigned wanted = s.wanted[row], above = block_before(mine, &all, room);
    s.seen[row * DIGITS + digit] = 0;
    if (above < wanted && wanted <= above + mine) {
        s.bound[row] |= digit << shift;
        s.wanted[row] = wanted - above;
    }
}

/* --- What is at least that --- */

typedef struct run {
    int64_t row, first, end; /* of the warp */
    uint32_t bound;
} run;

static __device__ run run_here(const selection *s)
{
    run r = {blockIdx.y, (int64_t)blockIdx.x * CHUNK + threadIdx.x / WARP * SHARE, 0, s->bound[blockIdx.y]};
    r.end = r.first + SHARE < s->cols ? r.first + SHARE : s->cols;
    return r;
}

/* For the 32 values from i on: which lanes' are above the bound, which equal it. */
static __device__ __forceinline__ uint32_t compare(const selection *s, const run *r, int64_t i, unsigned *above,
                                                   unsigned *equal)
{
    int64_t at = i + threadIdx.x % WARP;
    uint32_t order = at < r->end ? order_of(s->x[r->row * s->cols + at]) : 0;
    *above = __ballot_sync(ALL_LANES, at < r->end && order > r->bound);
    *equal = __ballot_sync(ALL_LANES, at < r->end && order == r->bound);
    return order;
}

/* Counts in the warp's run, to shared [above, equal][warp]. */
static __device__ void count_run(const selection *s, const run *r, unsigned count[2][SCAN_WARPS])
{
    unsigned above, equal, n[2] = {0, 0};
    for (int64_t i = r->first; i < r->end; i += WARP) {
        compare(s, r, i, &above, &equal);
        n[0] += __popc(above);
        n[1] += __popc(equal);
    }
    if (threadIdx.x % WARP < 2)
        count[threadIdx.x % WARP][threadIdx.x / WARP] = n[threadIdx.x % WARP];
    __syncthreads();
}

static __global__ void survivors_kernel(selection s)
{
    __shared__ unsigned count[2][SCAN_WARPS];
    run r = run_here(&s);
    count_run(&s, &r, count);
    unsigned all = 0;
    for (int w = 0; w < SCAN_WARPS && threadIdx.x < 2; w++)
        all += count[threadIdx.x][w];
    if (threadIdx.x < 2)
        s.counts[(r.row * 2 + threadIdx.x) * s.chunks + blockIdx.x] = all;
}

/* They keep the order of their indices, so that a stable sort leaves ties so. */
static __global__ void collect_kernel(selection s)
{
    __shared__ unsigned count[2][SCAN_WARPS];
    run r = run_here(&s);
    count_run(&s, &r, count);
    unsigned above, equal, lane = threadIdx.x % WARP, before = (1u << lane) - 1, wanted = s.wanted[r.row];
    unsigned a = s.counts[(r.row * 2) * s.chunks + blockIdx.x],
             e = s.counts[(r.row * 2 + 1) * s.chunks + blockIdx.x];
    for (int w = 0; w < (int)threadIdx.x / WARP; w++) {
        a += count[0][w];
        e += count[1][w];
    }
    for (int64_t i = r.first; i < r.end; i += WARP) {
        uint32_t order = compare(&s, &r, i, &above, &equal);
        unsigned equals = e + __popc(equal & before);
        if (above >> lane & 1 || (equal >> lane & 1 && equals < wanted)) {
            int64_t to = r.row * s.k + a + __popc(above & before) + (equals < wanted ? equals : wanted);
            s.pairs.key[to] = ~order;
            s.pairs.item[to] = (uint32_t)(i + lane);
        }
        a += __popc(above);
        e += __popc(equal);
    }
}

static void collect(bk *b, const selection *s)
{
    dim3 all((unsigned)s->chunks, (unsigned)s->rows), lists(2, (unsigned)s->rows);
    LAUNCH(b, start_kernel, blocks_for(b, s->rows * DIGITS, SCAN_THREADS), SCAN_THREADS, 0, *s);
    for (int shift = 24; shift >= 0; shift -= 8) {
        LAUNCH(b, digits_kernel, all, SCAN_THREADS, 0, *s, shift);
        LAUNCH(b, bound_kernel, (unsigned)s->rows, SCAN_THREADS, 0, *s, shift);
    }
    LAUNCH(b, survivors_kernel, all, SCAN_THREADS, 0, *s);
    LAUNCH(b, scan_kernel, lists, SCAN_THREADS, 0, s->counts, s->counts + s->rows * 2 * s->chunks, s->chunks);
    LAUNCH(b, collect_kernel, all, SCAN_THREADS, 0, *s);
}

/* --- In order --- */

static __global__ void all_kernel(selection s)
{
    for (int64_t i = grid_first(); i < s.rows * s.cols; i += grid_step()) {
        s.pairs.key[i] = ~order_of(s.x[i]);
        s.pairs.item[i] = (uint32_t)(i % s.cols);
    }
}

static __global__ void result_kernel(selection s)
{
    for (int64_t i = grid_first(); i < s.rows * s.k; i += grid_step()) {
        int64_t row = i / s.k;
        uint32_t at = s.pairs.item[row * s.pairs.n + i - row * s.k];
        s.y[i] = s.x[row * s.cols + at];
        s.at[i] = (int32_t)at;
    }
}

/* Rows whose scratch exists at a time. */
static int64_t together(int64_t rows, int64_t cols)
{
    int64_t most = MOST_TOGETHER / cols < 1 ? 1 : MOST_TOGETHER / cols;
    return rows < most ? rows : most;
}

/* Pairs to sort of each row. */
static int64_t sorted(int64_t cols, int64_t k)
{
    return k > cols / 2 ? cols : k;
}

static int64_t words(int64_t rows, int64_t cols)
{
    return rows * (DIGITS + 2 + 2 * chunks_of(cols) + 2);
}

size_t select_bytes(int64_t rows, int64_t cols, int64_t k)
{
    int64_t n = together(rows, cols);
    return sort_bytes(n, sorted(cols, k)) + (size_t)words(n, cols) * sizeof(uint32_t);
}

static void select_rows(bk *b, selection s, void *room)
{
    int64_t n = sorted(s.cols, s.k);
    s.seen = (uint32_t *)room;
    s.bound = s.seen + s.rows * DIGITS;
    s.wanted = s.bound + s.rows;
    s.counts = s.wanted + s.rows;
    s.chunks = chunks_of(s.cols);
    s.pairs = sort_within(s.seen + words(s.rows, s.cols), s.rows, n);
    if (n < s.cols)
        collect(b, &s);
    else
        LAUNCH(b, all_kernel, blocks_for(b, s.rows * n, SCAN_THREADS), SCAN_THREADS, 0, s);
    sort_launch(b, &s.pairs, 32);
    LAUNCH(b, result_kernel, blocks_for(b, s.rows * s.k, SCAN_THREADS), SCAN_THREADS, 0, s);
}

void select_launch(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k, void *room)
{
    int64_t most = together(rows, cols);
    for (int64_t row = 0; row < rows; row += most) {
        selection s = {};
        s.x = x + row * cols;
        s.y = y + row * k;
        s.at = at + row * k;
        s.rows = rows - row < most ? rows - row : most;
        s.cols = cols;
        s.k = k;
        select_rows(b, s, room);
    }
}
