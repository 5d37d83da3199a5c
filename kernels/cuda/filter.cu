/* filter.cu - the k largest of a stream: a filter that reads each value once.
 *
 * A block has a row, or a part of one, and gathers keys in shared memory. When
 * they no longer fit they are sorted, the k largest stay, and the k-th becomes
 * the bar that later values must pass: few do, so the cost is that of reading.
 * Columns come in ascending order, so what only equals the bar has lost. */
#include "filter.h"

enum {
    DEEP = 4, /* a thread has DEEP times EACH values in flight */
    EACH = 4,
    LARGEST_WARPS = 8,
    ENOUGH_WARPS = 24
};

typedef struct best {
    uint64_t *key; /* shared */
    int *kept;     /* shared: how many are there */
    int n, k, room;
    float bar;
    uint32_t order; /* of the bar; 0: none yet, and bar is NaN */
} best;

static __device__ __forceinline__ int passes(const best *c, float x)
{
    return !(x <= c->bar) && order_of(x) > c->order;
}

/* Appends a key of each thread that has one; every lane comes. */
static __device__ __forceinline__ void append(best *c, int mine, uint64_t key)
{
    unsigned all = __ballot_sync(ALL_LANES, mine);
    int lane = threadIdx.x % WARP, at = 0;
    if (all == 0)
        return;
    if (lane == 0)
        at = atomicAdd(c->kept, __popc(all));
    at = __shfl_sync(ALL_LANES, at, 0) + __popc(all & ((1u << lane) - 1));
    if (mine)
        c->key[at] = key;
}

static __device__ void sort_keys(uint64_t *key, int size)
{
    for (int run = 2; run <= size; run *= 2)
        for (int step = run / 2; step > 0; step /= 2) {
            for (int i = threadIdx.x; i < size / 2; i += blockDim.x) {
                int low = 2 * i - (i & (step - 1)), high = low + step;
                uint64_t a = key[low], x = key[high];
                if ((a < x) == ((low & run) == 0)) {
                    key[low] = x;
                    key[high] = a;
                }
            }
            __syncthreads();
        }
}

static __device__ void set_bar(best *c, uint32_t order)
{
    c->order = order;
    c->bar = order ? value_of(order) : __uint_as_float(0x7fffffffu);
}

/* Sorts what is there, descending, and keeps k. */
static __device__ void cut(best *c)
{
    int size = 2;
    while (size < c->n)
        size *= 2;
    __syncthreads();
    for (int i = c->n + threadIdx.x; i < size; i += blockDim.x)
        c->key[i] = 0;
    __syncthreads();
    sort_keys(c->key, size);
    c->n = c->n < c->k ? c->n : c->k;
    if (threadIdx.x == 0)
        *c->kept = c->n;
    set_bar(c, c->n == c->k ? (uint32_t)(c->key[c->k - 1] >> 32) : 0);
    __syncthreads();
}

/* How many are there after an append that only the shared counter knows. */
static __device__ __forceinline__ void recount(best *c)
{
    __syncthreads();
    c->n = *c->kept;
    __syncthreads();
}

/* What is remembered of a row's part: keys, and behind them count and bar. */
static __device__ void resume(best *c, const uint64_t *kept)
{
    uint64_t end = kept ? kept[c->room] : 0;
    c->n = (int)(end >> 32);
    set_bar(c, (uint32_t)end);
    for (int i = threadIdx.x; i < c->n; i += blockDim.x)
        c->key[i] = kept[i];
    if (threadIdx.x == 0)
        *c->kept = c->n;
    __syncthreads();
}

static __device__ void remember(const best *c, uint64_t *kept)
{
    __syncthreads();
    for (int i = threadIdx.x; i < c->n; i += blockDim.x)
        kept[i] = c->key[i];
    if (threadIdx.x == 0)
        kept[c->room] = (uint64_t)c->n << 32 | c->order;
}

static __device__ void write_out(best *c, const filter_run *r, int64_t row)
{
    cut(c);
    for (int j = threadIdx.x; j < c->k; j += blockDim.x) {
        int64_t index = index_of(c->key[j]);
        r->y[row * r->k + j] = r->values ? r->x[row * r->stride + index - r->first]
                                         : value_of((uint32_t)(c->key[j] >> 32));
        r->at[row * r->k + j] = (int32_t)index;
    }
}

/* Where value e of step s of this thread lies, behind the group's first column. */
template <int WIDE> static __device__ __forceinline__ int column(int s, int e)
{
    int begin = s * EACH * blockDim.x;
    return begin + (WIDE == EACH ? (int)threadIdx.x * EACH + e : e * (int)blockDim.x + (int)threadIdx.x);
}

/* Of columns from `left` on nothing is kept; a vector may be read beyond. */
template <int WIDE>
static __device__ __forceinline__ void load_group(float v[DEEP][EACH], const real *x, int64_t left)
{
    for (int s = 0; s < DEEP; s++)
        for (int e = 0; e < EACH; e += WIDE) {
            int at = column<WIDE>(s, e);
            if (WIDE == EACH) {
                float4 q = at < left ? *(const float4 *)(x + at) : make_float4(0, 0, 0, 0);
                v[s][0] = q.x, v[s][1] = q.y, v[s][2] = q.z, v[s][3] = q.w;
            } else {
                v[s][e] = at < left ? x[at] : 0;
            }
        }
}

template <int WIDE>
static __device__ __forceinline__ void take_step(best *c, const float v[EACH], int s, int64_t left, int64_t index)
{
    for (int e = 0; e < EACH; e++) {
        int at = column<WIDE>(s, e);
        append(c, at < left && passes(c, v[e]), key_of(v[e], index + at));
    }
}

/* Adds up over the block how many values pass. Three counters take turns: the
 * one after next is cleared when nobody looks at it any more. */
static __device__ __forceinline__ int count_passing(int mine, int *passing, int turn)
{
    if (__any_sync(ALL_LANES, mine)) {
        for (int d = WARP / 2; d > 0; d /= 2)
            mine += __shfl_xor_sync(ALL_LANES, mine, d);
        if (threadIdx.x % WARP == 0)
            atomicAdd(&passing[turn], mine);
    }
    __syncthreads();
    int all = passing[turn];
    if (threadIdx.x == 0)
        passing[(turn + 2) % 3] = 0;
    return all;
}

/* A group of columns when it is known that some pass. */
template <int WIDE>
static __device__ void take_group(best *c, const float v[DEEP][EACH], int64_t left, int64_t index, int passing)
{
    if (c->n + passing <= c->room) {
        for (int s = 0; s < DEEP; s++)
            take_step<WIDE>(c, v[s], s, left, index);
        c->n += passing;
        return;
    }
    for (int s = 0; s < DEEP; s++) {
        if (c->n + EACH * (int)blockDim.x > c->room)
            cut(c);
        take_step<WIDE>(c, v[s], s, left, index);
        recount(c);
    }
}

static __device__ __forceinline__ int64_t part_width(const filter_run *r)
{
    return ((r->cols + r->parts - 1) / r->parts + EACH - 1) / EACH * EACH;
}

/* Grid: rows, parts. */
template <int WIDE> static __global__ void filter_kernel(filter_run r)
{
    SHARED(uint64_t, key);
    __shared__ int kept, passing[3];
    int64_t row = blockIdx.x, begin = blockIdx.y * part_width(&r), end = begin + part_width(&r);
    uint64_t *memory = r.kept ? r.kept + (row * r.parts + blockIdx.y) * (r.room + 1) : NULL;
    best c = {key, &kept, 0, (int)r.k, (int)r.room, 0, 0};
    int turn = 0, group = DEEP * EACH * blockDim.x;
    if (threadIdx.x < 3)
        passing[threadIdx.x] = 0;
    resume(&c, r.begins ? NULL : memory);
    end = end < r.cols ? end : r.cols;
    for (int64_t at = begin; at < end; at += group, turn = (turn + 1) % 3) {
        float v[DEEP][EACH];
        int mine = 0;
        load_group<WIDE>(v, r.x + row * r.stride + at, end - at);
        for (int s = 0; s < DEEP; s++)
            for (int e = 0; e < EACH; e++)
                mine += column<WIDE>(s, e) < end - at && passes(&c, v[s][e]);
        int all = count_passing(mine, passing, turn);
        if (all > 0)
            take_group<WIDE>(&c, v, end - at, r.first + at, all);
    }
    if (r.ends && r.parts == 1)
        write_out(&c, &r, row);
    else
        remember(&c, memory);
}

/* The k largest of what the parts of a row kept. */
static __global__ void merge_kernel(filter_run r)
{
    SHARED(uint64_t, key);
    __shared__ int kept;
    int64_t row = blockIdx.x;
    best c = {key, &kept, 0, (int)r.k, (int)r.room, 0, 0};
    resume(&c, NULL);
    for (int64_t part = 0; part < r.parts; part++) {
        const uint64_t *from = r.kept + (row * r.parts + part) * (r.room + 1);
        int n = (int)(from[r.room] >> 32);
        for (int i = 0; i < n; i += blockDim.x) {
            int mine = i + (int)threadIdx.x < n;
            uint64_t x = mine ? from[i + threadIdx.x] : 0;
            if (c.n + (int)blockDim.x > c.room)
                cut(&c);
            append(&c, mine && (uint32_t)(x >> 32) >= c.order, x); /* what equals the bar may win yet */
            recount(&c);
        }
    }
    write_out(&c, &r, row);
}

/* For k = 1: a warp has a row and needs no memory but one key. */
static __global__ void largest_kernel(filter_run r)
{
    int lane = threadIdx.x % WARP;
    int64_t row = (int64_t)blockIdx.x * LARGEST_WARPS + threadIdx.x / WARP;
    if (row >= r.rows)
        return;
    const real *x = r.x + row * r.stride;
    uint64_t best = r.begins ? 0 : r.kept[row];
    for (int64_t at = lane; at < r.cols; at += EACH * WARP)
        for (int e = 0; e < EACH; e++) {
            int64_t col = at + e * WARP;
            uint64_t key = col < r.cols ? key_of(x[col], r.first + col) : 0;
            best = key > best ? key : best;
        }
    for (int d = WARP / 2; d > 0; d /= 2) {
        uint64_t other = __shfl_xor_sync(ALL_LANES, (unsigned long long)best, d);
        best = other > best ? other : best;
    }
    if (lane > 0)
        return;
    if (!r.ends) {
        r.kept[row] = best;
    } else {
        r.y[row] = r.values ? x[index_of(best) - r.first] : value_of((uint32_t)(best >> 32));
        r.at[row] = (int32_t)index_of(best);
    }
}

/* --- Host --- */

static int64_t power_above(int64_t n)
{
    int64_t power = 16;
    while (power < n)
        power *= 2;
    return power;
}

/* A room that all columns fit in is never cut; else there is one for k and what
 * a block adds at once. Rows are divided when there are too few of them. */
void filter_plan(bk *b, filter_run *r, int64_t cols, int64_t all)
{
    r->threads = r->k <= 128 ? WARP : r->k <= 512 ? 4 * WARP : 8 * WARP;
    r->room = power_above(r->k + EACH * r->threads);
    if (all <= FILTER_ROOM && (all <= 2 * r->room || r->k > all / 4)) {
        r->room = power_above(all);
        r->threads = r->room <= 256 ? WARP : r->room <= 1024 ? 4 * WARP : 8 * WARP;
    }
    int64_t blocks = (int64_t)b->processors * ENOUGH_WARPS * WARP / r->threads;
    int64_t parts = blocks / r->rows, most = cols / (4 * r->room);
    parts = parts < most ? parts : most;
    r->parts = parts < 1 ? 1 : parts;
}

static int single(const filter_run *r)
{
    return r->k == 1 && r->parts == 1;
}

size_t filter_bytes(const filter_run *r)
{
    size_t keys = (size_t)(r->rows * (single(r) ? 1 : r->parts * (r->room + 1)));
    return r->begins && r->ends && r->parts == 1 ? 0 : keys * sizeof(uint64_t);
}

void filter_launch(bk *b, const filter_run *r)
{
    dim3 grid((unsigned)r->rows, (unsigned)r->parts);
    size_t shared = (size_t)r->room * sizeof(uint64_t);
    if (single(r))
        LAUNCH(b, largest_kernel, (unsigned)((r->rows + LARGEST_WARPS - 1) / LARGEST_WARPS), LARGEST_WARPS * WARP,
               0, *r);
    else if (r->stride % EACH == 0 && aligned_to(r->x, EACH * sizeof(real)))
        LAUNCH(b, filter_kernel<EACH>, grid, r->threads, shared, *r);
    else
        LAUNCH(b, filter_kernel<1>, grid, r->threads, shared, *r);
    if (r->ends && r->parts > 1)
        LAUNCH(b, merge_kernel, (unsigned)r->rows, r->threads, shared, *r);
}
