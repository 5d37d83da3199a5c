/* place.cu - values and rows by index: taken from there, or added there.
 *
 * What is added keeps one order, that of the sources, and is summed in double.
 * So nothing is scattered: every target gathers what points to it. With few
 * indices it finds them by looking at all; with many they are sorted first. */
#include "kernel.h"
#include "sort.h"

enum {
    THREADS = 256,
    MOST_SEEN = 2048, /* indices that every target, or its row, looks through */
    MOST_SCANNED = 1024,
    LONG_ROW = 1 << 14,   /* zeroed by itself */
    MOST_SORTED = 1 << 23 /* indices at once, unless one row has more */
};

typedef struct movement {
    real *to;
    const real *from;
    const int32_t *at;
    int64_t rows, cols, k;
} movement;

/* --- Taken --- */

static __device__ __forceinline__ int64_t quotient(int64_t i, int64_t by, int small)
{
    return small ? (int64_t)((uint32_t)i / (uint32_t)by) : i / by;
}

static __global__ void pick_kernel(movement m, int small, cuda_complaint *c)
{
    for (int64_t i = grid_first(); i < m.rows * m.k; i += grid_step())
        m.to[i] = m.from[quotient(i, m.k, small) * m.cols + checked(m.at[i], m.cols, IN_PICK, c)];
}

static void pick_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const movement *m = (const movement *)args;
    (void)scalars, (void)payload;
    LAUNCH(b, pick_kernel, blocks_for(b, m->rows * m->k, THREADS), THREADS, 0, *m, m->rows * m->k < INT32_MAX,
           b->complaint_there);
}

void cuda_pick(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    movement m = {y, x, at, rows, cols, k};
    if (rows > 0 && cols > 0 && k > 0)
        ENQUEUE(b, pick_go, m);
}

/* Rows of `wide` vectors. */
template <typename vector>
static __global__ void take_kernel(vector *y, const vector *x, movement m, int64_t wide, int small,
                                   cuda_complaint *c)
{
    for (int64_t i = grid_first(); i < m.k * wide; i += grid_step()) {
        int64_t j = quotient(i, wide, small);
        y[i] = x[checked(m.at[j], m.rows, IN_TAKE_ROWS, c) * wide + i - j * wide];
    }
}

static void take_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const movement *m = (const movement *)args;
    int by_four = m->cols % 4 == 0 && aligned_to(m->to, sizeof(float4)) && aligned_to(m->from, sizeof(float4));
    int64_t wide = by_four ? m->cols / 4 : m->cols, n = m->k * wide;
    (void)scalars, (void)payload;
    if (by_four)
        LAUNCH(b, take_kernel<float4>, blocks_for(b, n, THREADS), THREADS, 0, (float4 *)m->to,
               (const float4 *)m->from, *m, wide, n < INT32_MAX, b->complaint_there);
    else
        LAUNCH(b, take_kernel<float>, blocks_for(b, n, THREADS), THREADS, 0, m->to, m->from, *m, wide,
               n < INT32_MAX, b->complaint_there);
}

void cuda_take_rows(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    movement m = {y, x, at, rows, cols, k};
    if (rows > 0 && cols > 0 && k > 0)
        ENQUEUE(b, take_go, m);
}

/* --- Added: a list of sources for each target --- */

/* Source i goes to target i / each * below + at[i]. A target is `width` reals. */
typedef struct addition {
    real *to;
    const real *from;
    const int32_t *at;
    int64_t targets, width, k, each, below;
    const uint32_t *key, *item; /* sorted by target; NULL: look through all k */
    int where;
} addition;

static __global__ void target_kernel(addition a, uint32_t *key, uint32_t *item, cuda_complaint *c)
{
    for (int64_t i = grid_first(); i < a.k; i += grid_step()) {
        key[i] = (uint32_t)(i / a.each * a.below + checked(a.at[i], a.below, a.where, c));
        item[i] = (uint32_t)i;
    }
}

/* How many keys are below this one. */
static __device__ int64_t keys_below(const uint32_t *key, int64_t n, int64_t bound)
{
    int64_t first = 0, end = n;
    while (first < end) {
        int64_t mid = (first + end) / 2;
        if (key[mid] < bound)
            first = mid + 1;
        else
            end = mid;
    }
    return first;
}

/* The sources of this target in ascending order, to `list`; how many. */
static __device__ int list_sources(const addition *a, int64_t target, uint32_t *list, cuda_complaint *c)
{
    __shared__ int found[THREADS / WARP];
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP, n = 0;
    for (int64_t j = 0; j < a->k; j += blockDim.x) {
        int64_t i = j + threadIdx.x;
        int mine = i < a->k && checked(a->at[i], a->below, a->where, c) == target;
        unsigned all = __ballot_sync(ALL_LANES, mine);
        if (lane == 0)
            found[warp] = __popc(all);
        __syncthreads();
        int before = n;
        for (int w = 0; w < warps; w++) {
            before += w < warp ? found[w] : 0;
            n += found[w];
        }
        if (mine)
            list[before + __popc(all & ((1u << lane) - 1))] = (uint32_t)i;
        __syncthreads();
    }
    return n;
}

/* A block sums `across` columns of one target; the rest of its threads divide
 * the sources among them. Grid: targets, columns. */
static __global__ void gather_kernel(addition a, int across, cuda_complaint *c)
{
    __shared__ uint32_t listed[MOST_SCANNED];
    __shared__ double part[THREADS];
    int64_t target = blockIdx.x, first = 0, n;
    if (a.key) {
        first = keys_below(a.key, a.k, target);
        n = keys_below(a.key, a.k, target + 1) - first;
    } else {
        n = list_sources(&a, target, listed, c);
    }
    const uint32_t *list = a.key ? a.item + first : listed;
    int turn = threadIdx.x / across, turns = blockDim.x / across;
    for (int64_t base = (int64_t)blockIdx.y * across; base < a.width; base += (int64_t)gridDim.y * across) {
        int64_t col = base + threadIdx.x % across;
        double sum = 0;
        for (int64_t i = turn; i < n && col < a.width; i += turns)
            sum += (double)a.from[list[i] * a.width + col];
        part[threadIdx.x] = sum;
        __syncthreads();
        for (int t = 1; t < turns && turn == 0; t++)
            sum += part[t * across + threadIdx.x];
        if (turn == 0 && col < a.width)
            a.to[target * a.width + col] = (float)sum;
        __syncthreads();
    }
}

static int bits_of(int64_t n)
{
    int bits = 1;
    while (bits < 32 && n > (int64_t)1 << bits)
        bits++;
    return bits;
}

/* Where a target has many sources, they are divided among threads. */
static void add_listed(bk *b, addition a)
{
    int sorted = a.k > MOST_SCANNED, many = a.k / a.targets >= 8, across = 1;
    int threads = many ? THREADS : sorted && a.width < WARP ? WARP : THREADS / 2;
    while (across < a.width && across < (many ? WARP : threads))
        across *= 2;
    if (sorted) {
        sort_pairs s = sort_within(b->room[ROOM_KEYS], 1, a.k);
        LAUNCH(b, target_kernel, blocks_for(b, a.k, THREADS), THREADS, 0, a, s.key, s.item, b->complaint_there);
        sort_launch(b, &s, bits_of(a.targets));
        a.key = s.key, a.item = s.item;
    }
    int64_t tiles = (a.width + across - 1) / across;
    dim3 grid((unsigned)a.targets, (unsigned)(tiles < 65535 ? tiles : 65535));
    LAUNCH(b, gather_kernel, grid, threads, 0, a, across, b->complaint_there);
}

static void put_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const movement *m = (const movement *)args;
    (void)scalars, (void)payload;
    add_listed(b, {m->to, m->from, m->at, m->rows, m->cols, m->k, m->k, m->rows, NULL, NULL, IN_PUT_ROWS});
}

void cuda_put_rows(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    movement m = {x, y, at, rows, cols, k};
    if (rows <= 0 || cols <= 0 || k <= 0)
        return;
    if (rows > INT32_MAX || k > INT32_MAX)
        CUDA_DIE(b, "put_rows: %lld rows into %lld: fewer than 2^31 are expected", (long long)k, (long long)rows);
    if (k > MOST_SCANNED)
        cuda_need_room(b, ROOM_KEYS, sort_bytes(1, k));
    ENQUEUE(b, put_go, m);
}

/* --- Added: within rows --- */

static __device__ __forceinline__ void clear_row(real *x, int64_t cols, int first, int step)
{
    for (int64_t j = first; j < cols; j += step)
        x[j] = 0;
}

/* A warp has a row, a lane an index: the first of its kind adds all of them. */
static __global__ void place_few_kernel(movement m, int clear, cuda_complaint *c)
{
    int lane = threadIdx.x % WARP, k = (int)m.k;
    for (int64_t row = grid_first() / WARP; row < m.rows; row += grid_step() / WARP) {
        real *x = m.to + row * m.cols;
        int mine = lane < k ? (int)checked(m.at[row * k + lane], m.cols, IN_PLACE, c) : -1, first = lane < k;
        float value = lane < k ? m.from[row * k + lane] : 0;
        double sum = 0;
        for (int j = 0; j < k; j++) {
            int alike = __shfl_sync(ALL_LANES, mine, j) == mine;
            float v = __shfl_sync(ALL_LANES, value, j);
            first = first && !(alike && j < lane);
            sum += alike ? (double)v : 0;
        }
        if (clear)
            clear_row(x, m.cols, lane, WARP);
        __syncwarp();
        if (first)
            x[mine] = (float)sum;
    }
}

/* The same with a block for a row. */
static __global__ void place_kernel(movement m, int clear, cuda_complaint *c)
{
    __shared__ int target[MOST_SEEN];
    int k = (int)m.k;
    for (int64_t row = blockIdx.x; row < m.rows; row += gridDim.x) {
        const real *y = m.from + row * k;
        real *x = m.to + row * m.cols;
        for (int j = threadIdx.x; j < k; j += THREADS)
            target[j] = (int)checked(m.at[row * k + j], m.cols, IN_PLACE, c);
        if (clear)
            clear_row(x, m.cols, threadIdx.x, THREADS);
        __syncthreads();
        for (int i = threadIdx.x; i < k; i += THREADS) {
            int first = 1;
            double sum = 0;
            for (int j = 0; j < k; j++)
                if (target[j] == target[i]) {
                    first = first && j >= i;
                    sum += (double)y[j];
                }
            if (first)
                x[target[i]] = (float)sum;
        }
        __syncthreads();
    }
}

/* Rows whose indices are sorted together. */
static int64_t rows_sorted(const movement *m)
{
    int64_t most = MOST_SORTED / (m->cols > m->k ? m->cols : m->k);
    return most < 1 ? 1 : most < m->rows ? most : m->rows;
}

static void place_sorted(bk *b, const movement *m)
{
    int64_t most = rows_sorted(m);
    for (int64_t row = 0; row < m->rows; row += most) {
        int64_t n = m->rows - row < most ? m->rows - row : most;
        add_listed(b, {m->to + row * m->cols, m->from + row * m->k, m->at + row * m->k, n * m->cols, 1, n * m->k,
                       m->k, m->cols, NULL, NULL, IN_PLACE});
    }
}

static void place_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const movement *m = (const movement *)args;
    int clear = m->cols <= LONG_ROW;
    (void)scalars, (void)payload;
    if (m->k > MOST_SEEN) {
        place_sorted(b, m);
        return;
    }
    if (!clear)
        CUDA_DO(b, "place", cudaMemsetAsync(m->to, 0, (size_t)(m->rows * m->cols) * sizeof(real), b->stream));
    if (m->k <= WARP)
        LAUNCH(b, place_few_kernel, blocks_for(b, m->rows, THREADS / WARP), THREADS, 0, *m, clear,
               b->complaint_there);
    else
        LAUNCH(b, place_kernel, blocks_for(b, m->rows, 1), THREADS, 0, *m, clear, b->complaint_there);
}

void cuda_place(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    movement m = {x, y, at, rows, cols, k};
    if (rows <= 0 || cols <= 0 || k <= 0)
        return;
    if (cols > INT32_MAX || k > INT32_MAX)
        CUDA_DIE(b, "place: %lld of %lld columns: fewer than 2^31 are expected", (long long)k, (long long)cols);
    if (k > MOST_SEEN)
        cuda_need_room(b, ROOM_KEYS, sort_bytes(1, rows_sorted(&m) * k));
    ENQUEUE(b, place_go, m);
}
