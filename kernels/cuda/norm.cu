/* norm.cu - batch-norm over the rows of x[rows][cols]: statistics, the result,
 * and the way back. Memory is what bounds it; passes over an image, each of
 * rows * cols values:
 *
 *   norm_statistics  reads x
 *   norm_apply       reads x and plus, writes y
 *   norm_back        reads g, added, y and x, which gives the sums; again, which
 *                    gives dx: 5 passes for a plain ReLU whose mask follows from x,
 *                    2 more to read it from y. Where a masked sum is wanted (dplus),
 *                    or made of three images, the first pass leaves it where it is
 *                    to go, or where dx will be, and the second reads that and x: 8.
 *
 * Later passes begin with the last rows, which are still in the cache. */
#include "norm_job.h"

enum {
    MOMENTS = 3,   /* a block's part: mean less a centre, squares about the mean, the centre */
    COSTS = 2,     /* or two sums */
    AHEAD = 4,     /* rows that a thread reads before it computes */
    AHEAD_BACK = 2 /* of up to four images */
};

/* --- Statistics --- */

/* Thread c: mean and variance of column c of the tile, from the blocks' parts. */
static __device__ __forceinline__ void finish_moments(const norm_job &j, const volatile float *parts, int64_t first,
                                                      int wide_is)
{
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    int64_t count = gridDim.y, down = TILE_THREADS / j.across;
    double sum = 0, squares = 0, centre = parts[2 * COLUMNS + lane];
    for (int64_t p = warp; p < count; p += TILE_WARPS) {
        const volatile float *at = parts + p * MOMENTS * COLUMNS + lane;
        double mean = at[0], about = at[COLUMNS], off = at[2 * COLUMNS] - centre + mean;
        double n = rows_of(j.rows, p, count, down);
        squares += about + n * off * off;
        sum += n * off;
    }
    add_warps(sum, squares);
    if (warp > 0 || lane >= wide_is || first + lane >= j.cols)
        return;
    double off = sum / (double)j.rows, spread = squares / (double)j.rows - off * off;
    j.sum[0][first + lane] = (float)(centre + off);
    j.sum[1][first + lane] = (float)(spread < 0 ? 0 : spread);
}

/* A thread's sums are about its first value. For the mean they are moved to where
 * the first thread's are, for the squares to that mean: so every rounding is of
 * what the values differ by, wherever they lie. */
template <class T, int V>
static __global__ void __launch_bounds__(TILE_THREADS, RESIDENT)
    moments_kernel(norm_job j, float *parts, unsigned *turns)
{
    __shared__ float centre[COLUMNS], mean[COLUMNS];
    int across = (int)j.across, x = (int)threadIdx.x % across, y = (int)threadIdx.x / across;
    int64_t down = TILE_THREADS / across, step = gridDim.y * down, tile = (int64_t)blockIdx.x * across * V;
    int64_t col = tile + x * V, first = blockIdx.y * down + y;
    const T *from = (const T *)j.x + col;
    float start[V] = {}, sum[V] = {}, squares[V] = {}, moved[V], n = 0;
    for (int64_t r = first; r < j.rows && col < j.cols; r += AHEAD * step) {
        pack<T, V> in[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (r + i * step < j.rows)
                in[i] = fetch<T, V>(from + (r + i * step) * j.cols);
        for (int k = 0; k < V && r == first; k++)
            start[k] = wide(in[0].v[k]);
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (r + i * step < j.rows) {
                n += 1;
                for (int k = 0; k < V; k++) {
                    float d = wide(in[i].v[k]) - start[k];
                    sum[k] += d;
                    squares[k] += d * d;
                }
            }
    }
    for (int k = 0; k < V && y == 0; k++)
        centre[x * V + k] = start[k];
    __syncthreads();
    for (int k = 0; k < V; k++)
        moved[k] = n > 0 ? sum[k] + n * (start[k] - centre[x * V + k]) : 0;
    float total = block_sum<V>(moved, across);
    if (threadIdx.x < COLUMNS)
        mean[threadIdx.x] = total / (float)rows_of(j.rows, blockIdx.y, gridDim.y, down);
    __syncthreads();
    for (int k = 0; k < V; k++) {
        float off = n > 0 ? start[k] - centre[x * V + k] - mean[x * V + k] : 0;
        squares[k] += off * (2 * sum[k] + n * off);
    }
    total = block_sum<V>(squares, across);
    parts += (int64_t)blockIdx.x * gridDim.y * MOMENTS * COLUMNS;
    float *own = parts + (int64_t)blockIdx.y * MOMENTS * COLUMNS;
    if (threadIdx.x < COLUMNS) {
        own[threadIdx.x] = mean[threadIdx.x];
        own[COLUMNS + threadIdx.x] = total;
        own[2 * COLUMNS + threadIdx.x] = centre[threadIdx.x];
    }
    if (last_of_tile(turns))
        finish_moments(j, parts, tile, across * V);
}

/* --- Back: sums --- */

/* What norm_back reads in one place. */
template <class T, int V> struct arrival {
    pack<T, V> x, g, added, cut;
};

template <class T, int V>
static __device__ __forceinline__ arrival<T, V> fetch_arrival(const norm_job &j, int64_t at)
{
    arrival<T, V> a;
    a.x = fetch<T, V>((const T *)j.x + at);
    a.g = fetch<T, V>((const T *)j.g + at);
    if (j.added)
        a.added = fetch<T, V>((const T *)j.added + at);
    if (j.cut)
        a.cut = fetch<T, V>((const T *)j.cut + at);
    return a;
}

/* What counts of it. Decided for all values at once: a branch for each of them
 * would cost as much as the memory. */
template <class T, int V>
static __device__ __forceinline__ void count_arrived(float (&g)[V], const norm_job &j, const arrival<T, V> &a,
                                                     const channels<V> &c)
{
    for (int k = 0; k < V; k++)
        g[k] = wide(a.g.v[k]);
    if (j.added)
        for (int k = 0; k < V; k++)
            g[k] += wide(a.added.v[k]);
    if (j.cut)
        for (int k = 0; k < V; k++)
            g[k] = wide(a.cut.v[k]) <= 0 ? 0 : g[k];
    else if (j.beta)
        for (int k = 0; k < V; k++)
            g[k] = normed(c, k, wide(a.x.v[k])) <= 0 ? 0 : g[k];
}

/* Leaves it at `to`, rounded, and goes on with that. */
template <class T, int V> static __device__ __forceinline__ void keep_arrived(T *to, float (&g)[V])
{
    pack<T, V> kept;
    for (int k = 0; k < V; k++) {
        narrow(&kept.v[k], g[k]);
        g[k] = wide(kept.v[k]);
    }
    store_at_once<T, V>(to, kept);
}

static __device__ __forceinline__ void finish_costs(const norm_job &j, scalar eps, const volatile float *parts,
                                                    int64_t first, int wide_is)
{
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    double sum = 0, moment = 0;
    for (int64_t p = warp; p < gridDim.y; p += TILE_WARPS) {
        sum += parts[p * COSTS * COLUMNS + lane];
        moment += parts[p * COSTS * COLUMNS + COLUMNS + lane];
    }
    add_warps(sum, moment);
    if (warp > 0 || lane >= wide_is || first + lane >= j.cols)
        return;
    j.sum[0][first + lane] = (float)(moment / sqrt((double)j.var[first + lane] + (double)scalar_real(eps)));
    j.sum[1][first + lane] = (float)sum;
}

template <class T, int V>
static __global__ void __launch_bounds__(TILE_THREADS, (sizeof(T) * V < PACK_BYTES ? RESIDENT : 1))
    costs_kernel(norm_job j, scalar eps, float *parts, unsigned *turns)
{
    int across = (int)j.across, x = (int)threadIdx.x % across, y = (int)threadIdx.x / across;
    int64_t down = TILE_THREADS / across, step = gridDim.y * down, tile = (int64_t)blockIdx.x * across * V;
    int64_t col = tile + x * V;
    channels<V> c = channels_of<V>(j, eps, col);
    float sum[V] = {}, moment[V] = {};
    for (int64_t r = blockIdx.y * down + y; r < j.rows && col < j.cols; r += AHEAD_BACK * step) {
        arrival<T, V> in[AHEAD_BACK];
#pragma unroll
        for (int i = 0; i < AHEAD_BACK; i++)
            if (r + i * step < j.rows)
                in[i] = fetch_arrival<T, V>(j, (r + i * step) * j.cols + col);
#pragma unroll
        for (int i = 0; i < AHEAD_BACK; i++)
            if (r + i * step < j.rows) {
                float g[V];
                count_arrived<T, V>(g, j, in[i], c);
                if (j.keep)
                    keep_arrived<T, V>((T *)j.keep + (r + i * step) * j.cols + col, g);
                for (int k = 0; k < V; k++) {
                    sum[k] += g[k];
                    moment[k] += g[k] * (wide(in[i].x.v[k]) - c.mean[k]);
                }
            }
    }
    float total = block_sum<V>(sum, across), moments = block_sum<V>(moment, across);
    parts += (int64_t)blockIdx.x * gridDim.y * COSTS * COLUMNS;
    float *own = parts + (int64_t)blockIdx.y * COSTS * COLUMNS;
    if (threadIdx.x < COLUMNS) {
        own[threadIdx.x] = total;
        own[COLUMNS + threadIdx.x] = moments;
    }
    if (last_of_tile(turns))
        finish_costs(j, eps, parts, tile, across * V);
}

/* --- Elementwise --- */

template <class T, int V> static __global__ void __launch_bounds__(EACH) apply_kernel(norm_job j, scalar eps)
{
    walk w = walk_of<V>(j);
    if (w.at < 0)
        return;
    channels<V> c = channels_of<V>(j, eps, w.col);
    for (; w.at >= 0; w.at -= AHEAD * w.step) {
        pack<T, V> x[AHEAD], plus[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                x[i] = fetch<T, V>((const T *)j.x + (w.at - i * w.step));
                if (j.plus)
                    plus[i] = fetch<T, V>((const T *)j.plus + (w.at - i * w.step));
            }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                pack<T, V> y;
                float v[V];
                for (int k = 0; k < V; k++)
                    v[k] = normed(c, k, wide(x[i].v[k]));
                if (j.plus)
                    for (int k = 0; k < V; k++)
                        v[k] += wide(plus[i].v[k]);
                if (j.relu)
                    for (int k = 0; k < V; k++)
                        v[k] = v[k] <= 0 ? 0 : v[k];
                for (int k = 0; k < V; k++)
                    narrow(&y.v[k], v[k]);
                store<T, V>((T *)j.y + (w.at - i * w.step), y);
            }
    }
}

/* With h = (x - mean) r and r = 1 / sqrt(var + eps):
 * dx = (g - dbeta / rows - h dgamma / rows) gamma r. */
template <class T, int V> static __global__ void __launch_bounds__(EACH) back_kernel(norm_job j, scalar eps)
{
    walk w = walk_of<V>(j);
    if (w.at < 0)
        return;
    channels<V> c = channels_of<V>(j, eps, w.col);
    float shift[V], slope[V];
    for (int k = 0; k < V; k++) {
        slope[k] = j.sum[0][w.col + k] / ((float)j.rows * sqrtf(j.var[w.col + k] + scalar_real(eps)));
        shift[k] = j.sum[1][w.col + k] / (float)j.rows;
    }
    for (; w.at >= 0; w.at -= AHEAD_BACK * w.step) {
        arrival<T, V> in[AHEAD_BACK];
#pragma unroll
        for (int i = 0; i < AHEAD_BACK; i++)
            if (w.at - i * w.step >= 0)
                in[i] = fetch_arrival<T, V>(j, w.at - i * w.step);
#pragma unroll
        for (int i = 0; i < AHEAD_BACK; i++)
            if (w.at - i * w.step >= 0) {
                pack<T, V> dx;
                float g[V];
                count_arrived<T, V>(g, j, in[i], c);
                for (int k = 0; k < V; k++)
                    narrow(&dx.v[k], c.rate[k] * (g[k] - shift[k] - (wide(in[i].x.v[k]) - c.mean[k]) * slope[k]));
                store<T, V>((T *)j.y + (w.at - i * w.step), dx);
            }
    }
}

/* --- Launching --- */

#define EVERY_LAYOUT(kernel)                                                                                       \
    {                                                                                                              \
        kernel<float, 1>, kernel<float, 4>, kernel<bf16, 1>, kernel<bf16, 4>, kernel<bf16, 8>                      \
    }

typedef void moments_fn(norm_job, float *, unsigned *);
typedef void costs_fn(norm_job, scalar, float *, unsigned *);
typedef void each_fn(norm_job, scalar);
static moments_fn *const moments_of[LAYOUTS] = EVERY_LAYOUT(moments_kernel);
static costs_fn *const costs_of[LAYOUTS] = EVERY_LAYOUT(costs_kernel);
static each_fn *const apply_of[LAYOUTS] = EVERY_LAYOUT(apply_kernel);
static each_fn *const back_of[LAYOUTS] = EVERY_LAYOUT(back_kernel);

static void moments_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const norm_job *j = (const norm_job *)args;
    (void)scalars, (void)payload;
    LAUNCH(b, moments_of[j->layout], tiles_of(b, j), dim3(TILE_THREADS), 0, *j, (float *)b->room[ROOM_SUMS],
           (unsigned *)b->room[ROOM_TURNS]);
}

static void apply_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const norm_job *j = (const norm_job *)args;
    (void)payload;
    LAUNCH(b, apply_of[j->layout], dim3(each_of(b, j, AHEAD)), dim3(EACH), 0, *j, scalars[0]);
}

static void back_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    norm_job j = *(const norm_job *)args;
    (void)payload;
    LAUNCH(b, costs_of[j.layout], tiles_of(b, &j), dim3(TILE_THREADS), 0, j, scalars[0],
           (float *)b->room[ROOM_SUMS], (unsigned *)b->room[ROOM_TURNS]);
    if (!j.y)
        return;
    if (j.keep) {
        j.g = j.keep;
        j.added = j.cut = NULL;
        j.beta = NULL;
    }
    LAUNCH(b, back_of[j.layout], dim3(each_of(b, &j, AHEAD_BACK)), dim3(EACH), 0, j, scalars[0]);
}

/* --- The entries --- */

void norm_statistics(bk *b, const norm_shape *s, real *mean, real *var, const void *x)
{
    if (s->rows <= 0 || s->cols <= 0)
        return;
    norm_job j = {};
    j.rows = s->rows, j.cols = s->cols;
    j.x = x, j.sum[0] = mean, j.sum[1] = var;
    set_layout(&j, s->bf16, &x, 1);
    need_rooms(b, &j);
    ENQUEUE(b, moments_go, j);
}

void norm_apply(bk *b, const norm_shape *s, void *y, const void *x, const real *mean, const real *var,
                const real *gamma, const real *beta, const void *plus, int relu)
{
    if (s->rows <= 0 || s->cols <= 0)
        return;
    norm_job j = {};
    j.rows = s->rows, j.cols = s->cols, j.relu = relu;
    j.y = y, j.x = x, j.plus = plus;
    j.mean = mean, j.var = var, j.gamma = gamma, j.beta = beta;
    const void *const images[] = {y, x, plus};
    set_layout(&j, s->bf16, images, 3);
    norm_enqueue(b, apply_go, &j, s->eps);
}

void norm_back(bk *b, const norm_shape *s, void *dx, void *dplus, real *dgamma, real *dbeta, const void *g,
               const void *added, const void *y, const void *x, const real *gamma, const real *mean,
               const real *var, const real *beta)
{
    if (s->rows <= 0 || s->cols <= 0)
        return;
    norm_job j = {};
    j.rows = s->rows, j.cols = s->cols;
    j.y = dx, j.keep = dplus ? dplus : added && y ? dx : NULL;
    j.x = x, j.g = g, j.added = added, j.cut = y;
    j.sum[0] = dgamma, j.sum[1] = dbeta;
    j.mean = mean, j.var = var, j.gamma = gamma, j.beta = beta;
    const void *const images[] = {dx, dplus, g, added, y, x};
    set_layout(&j, s->bf16, images, 6);
    need_rooms(b, &j);
    norm_enqueue(b, back_go, &j, s->eps);
}

void cuda_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta,
             int64_t rows, int64_t cols, real eps)
{
    norm_shape s = {rows, cols, 0, eps};
    norm_statistics(b, &s, mean, var, x);
    norm_apply(b, &s, y, x, mean, var, gamma, beta, NULL, 0);
}

void cuda_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x, const real *gamma,
                  const real *mean, const real *var, int64_t rows, int64_t cols, real eps)
{
    norm_shape s = {rows, cols, 0, eps};
    norm_back(b, &s, dx, NULL, dgamma, dbeta, dy, NULL, NULL, x, gamma, mean, var, NULL);
}
