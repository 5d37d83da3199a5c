/* norm_bend.cu - differentiating batch-norm's way back, for gradients of
 * gradients. With h = (x - mean) r, r = 1 / sqrt(var + eps) and means over the
 * rows, norm_back is N(g) = gamma r (g - mean g - h mean(g h)). It is symmetric,
 * so that a tangent t becomes N(t) and t . N(g) = rows gamma r K, where
 *
 *   K = mean(g t) - mean g mean t - b c, b = mean(t h), c = mean(g h),
 *
 * of which the derivatives are, since that of h[j] by x[i] is
 * r ((i == j) - 1 / rows - h[i] h[j] / rows):
 *
 *   gamma: rows r K
 *   x:     -gamma r^2 (h (K - 2 b c) + c (t - mean t) + b (g - mean g)).
 *
 * Passes over an image: the tangent reads x, t and g for its sums, then t, x and
 * what was added, or the mask, and writes: 6 to 8. The way back reads q and x for
 * its sums, then x, t, g and q, and writes: 7. */
#include "norm_job.h"

enum { DOTS = 3, AHEAD = 2 };

typedef struct bend_job {
    norm_job on;
    const float *t;
    float *sums, *dgamma, *dbeta;
    int64_t any; /* is there a q? It is on.added */
} bend_job;

/* --- The tangent --- */

static __device__ __forceinline__ void finish_dots(const bend_job &j, scalar eps, const volatile float *parts,
                                                   int64_t first, int wide_is)
{
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    double sum = 0, moment = 0, dot = 0, none = 0, rows = (double)j.on.rows;
    for (int64_t p = warp; p < gridDim.y; p += TILE_WARPS) {
        const volatile float *at = parts + p * DOTS * COLUMNS + lane;
        sum += at[0];
        moment += at[COLUMNS];
        dot += at[2 * COLUMNS];
    }
    add_warps(sum, moment);
    __syncthreads();
    add_warps(dot, none);
    int64_t c = first + lane;
    if (warp > 0 || lane >= wide_is || c >= j.on.cols)
        return;
    j.sums[NORM_T * j.on.cols + c] = (float)(sum / rows);
    j.sums[NORM_TH * j.on.cols + c] =
        (float)(moment / (rows * sqrt((double)j.on.var[c] + (double)scalar_real(eps))));
    j.sums[NORM_GT * j.on.cols + c] = (float)(dot / rows);
}

/* Zero where the ReLU cut, as x says; for all values at once, see norm.cu. */
template <int V>
static __device__ __forceinline__ void cut_by_x(float (&v)[V], const norm_job &j, const channels<V> &c,
                                                const pack<float, V> &x)
{
    if (j.beta)
        for (int k = 0; k < V; k++)
            v[k] = normed(c, k, x.v[k]) <= 0 ? 0 : v[k];
}

template <int V>
static __global__ void __launch_bounds__(TILE_THREADS)
    dots_kernel(bend_job j, scalar eps, float *parts, unsigned *turns)
{
    int across = (int)j.on.across, x = (int)threadIdx.x % across, y = (int)threadIdx.x / across;
    int64_t down = TILE_THREADS / across, step = gridDim.y * down, tile = (int64_t)blockIdx.x * across * V;
    int64_t col = tile + x * V, cols = j.on.cols, rows = j.on.rows;
    channels<V> c = channels_of<V>(j.on, eps, col);
    float sum[V] = {}, moment[V] = {}, dot[V] = {};
    for (int64_t r = blockIdx.y * down + y; r < rows && col < cols; r += AHEAD * step) {
        pack<float, V> at_x[AHEAD], t[AHEAD], g[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (r + i * step < rows) {
                int64_t at = (r + i * step) * cols + col;
                at_x[i] = fetch<float, V>((const float *)j.on.x + at);
                t[i] = fetch<float, V>(j.t + at);
                g[i] = fetch<float, V>((const float *)j.on.g + at);
            }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (r + i * step < rows) {
                cut_by_x<V>(g[i].v, j.on, c, at_x[i]);
                for (int k = 0; k < V; k++) {
                    sum[k] += t[i].v[k];
                    moment[k] += t[i].v[k] * (at_x[i].v[k] - c.mean[k]);
                    dot[k] += g[i].v[k] * t[i].v[k];
                }
            }
    }
    float total[DOTS] = {block_sum<V>(sum, across), block_sum<V>(moment, across), block_sum<V>(dot, across)};
    parts += (int64_t)blockIdx.x * gridDim.y * DOTS * COLUMNS;
    float *own = parts + (int64_t)blockIdx.y * DOTS * COLUMNS;
    for (int i = 0; i < DOTS && threadIdx.x < COLUMNS; i++)
        own[i * COLUMNS + threadIdx.x] = total[i];
    if (last_of_tile(turns))
        finish_dots(j, eps, parts, tile, across * V);
}

template <int V> static __global__ void __launch_bounds__(EACH) tangent_kernel(bend_job j, scalar eps)
{
    walk w = walk_of<V>(j.on);
    if (w.at < 0)
        return;
    channels<V> c = channels_of<V>(j.on, eps, w.col);
    float shift[V], slope[V];
    for (int k = 0; k < V; k++) {
        shift[k] = j.sums[NORM_T * j.on.cols + w.col + k];
        slope[k] = j.sums[NORM_TH * j.on.cols + w.col + k] / sqrtf(j.on.var[w.col + k] + scalar_real(eps));
    }
    for (; w.at >= 0; w.at -= AHEAD * w.step) {
        pack<float, V> x[AHEAD], t[AHEAD], plus[AHEAD] = {}, cut[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                int64_t at = w.at - i * w.step;
                x[i] = fetch<float, V>((const float *)j.on.x + at);
                t[i] = fetch<float, V>(j.t + at);
                if (j.on.plus)
                    plus[i] = fetch<float, V>((const float *)j.on.plus + at);
                if (j.on.cut)
                    cut[i] = fetch<float, V>((const float *)j.on.cut + at);
            }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                pack<float, V> y;
                for (int k = 0; k < V; k++) {
                    float d = x[i].v[k] - c.mean[k];
                    y.v[k] = c.rate[k] * (t[i].v[k] - shift[k] - d * slope[k]) + plus[i].v[k];
                }
                if (j.on.cut)
                    for (int k = 0; k < V; k++)
                        y.v[k] = cut[i].v[k] <= 0 ? 0 : y.v[k];
                else
                    cut_by_x<V>(y.v, j.on, c, x[i]);
                store<float, V>((float *)j.on.y + (w.at - i * w.step), y);
            }
    }
}

/* --- The way back --- */

/* Of one column: dx = rate (q - c0 - c1 (x - mean) - c2 t - c3 g). */
typedef struct bending {
    float c0, c1, c2, c3, dgamma, dbeta;
} bending;

static __device__ __forceinline__ bending bending_of(const bend_job &j, scalar eps, int64_t col)
{
    const float *at = j.sums + col;
    const int64_t cols = j.on.cols;
    float rows = (float)j.on.rows, r = 1 / sqrtf(j.on.var[col] + scalar_real(eps));
    float mean_g = at[NORM_SUM * cols] / rows, c = at[NORM_MOMENT * cols] / rows;
    float a = at[NORM_T * cols], b = at[NORM_TH * cols];
    float sum_q = j.any ? j.dbeta[col] : 0, sum_qh = j.any ? at[NORM_QH * cols] : 0;
    float k = at[NORM_GT * cols] - a * mean_g - b * c;
    bending of;
    of.c0 = sum_q / rows - r * (c * a + b * mean_g);
    of.c1 = r * (sum_qh / rows + r * (k - 2 * b * c));
    of.c2 = r * c;
    of.c3 = r * b;
    of.dgamma = sum_qh + rows * r * k;
    of.dbeta = sum_q;
    return of;
}

template <int V> static __global__ void __launch_bounds__(EACH) bend_kernel(bend_job j, scalar eps)
{
    walk w = walk_of<V>(j.on);
    if (w.at < 0)
        return;
    channels<V> c = channels_of<V>(j.on, eps, w.col);
    bending of[V];
    for (int k = 0; k < V; k++) {
        of[k] = bending_of(j, eps, w.col + k);
        if (grid_first() * V < j.on.cols) { /* the first row of threads has each column once */
            j.dgamma[w.col + k] = of[k].dgamma;
            if (!j.any)
                j.dbeta[w.col + k] = 0;
        }
    }
    for (; w.at >= 0; w.at -= AHEAD * w.step) {
        pack<float, V> x[AHEAD], t[AHEAD], g[AHEAD], q[AHEAD] = {};
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                int64_t at = w.at - i * w.step;
                x[i] = fetch<float, V>((const float *)j.on.x + at);
                t[i] = fetch<float, V>(j.t + at);
                g[i] = fetch<float, V>((const float *)j.on.g + at);
                if (j.any)
                    q[i] = fetch<float, V>((const float *)j.on.added + at);
            }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            if (w.at - i * w.step >= 0) {
                pack<float, V> dx;
                for (int k = 0; k < V; k++)
                    dx.v[k] = q[i].v[k] - of[k].c3 * g[i].v[k];
                cut_by_x<V>(dx.v, j.on, c, x[i]);
                for (int k = 0; k < V; k++) {
                    float d = x[i].v[k] - c.mean[k];
                    dx.v[k] = c.rate[k] * (dx.v[k] - of[k].c0 - of[k].c1 * d - of[k].c2 * t[i].v[k]);
                }
                store<float, V>((float *)j.on.y + (w.at - i * w.step), dx);
            }
    }
}

/* --- Launching --- */

typedef void dots_fn(bend_job, scalar, float *, unsigned *);
typedef void each_fn(bend_job, scalar);
static dots_fn *const dots_of[] = {dots_kernel<1>, dots_kernel<4>}; /* FLOAT_1, FLOAT_4 */
static each_fn *const tangent_of[] = {tangent_kernel<1>, tangent_kernel<4>};
static each_fn *const bend_of[] = {bend_kernel<1>, bend_kernel<4>};

static void tangent_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const bend_job *j = (const bend_job *)args;
    (void)payload;
    LAUNCH(b, dots_of[j->on.layout], tiles_of(b, &j->on), dim3(TILE_THREADS), 0, *j, scalars[0],
           (float *)b->room[ROOM_SUMS], (unsigned *)b->room[ROOM_TURNS]);
    LAUNCH(b, tangent_of[j->on.layout], dim3(each_of(b, &j->on, AHEAD)), dim3(EACH), 0, *j, scalars[0]);
}

static void bend_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const bend_job *j = (const bend_job *)args;
    (void)payload;
    LAUNCH(b, bend_of[j->on.layout], dim3(each_of(b, &j->on, AHEAD)), dim3(EACH), 0, *j, scalars[0]);
}

static void enqueue(bk *b, queue_go *go, const norm_shape *s, const norm_bends *n)
{
    const void *const images[] = {n->out, n->x, n->t, n->g, n->q, n->plus, n->cut};
    uint64_t number = scalar_of(s->eps);
    bend_job j = {};
    if (s->bf16)
        CUDA_DIE(b, "norm: second derivatives are of float images only");
    j.on.rows = s->rows, j.on.cols = s->cols;
    j.on.y = n->out, j.on.x = n->x, j.on.g = n->g, j.on.added = n->q, j.on.plus = n->plus, j.on.cut = n->cut;
    j.on.mean = n->mean, j.on.var = n->var, j.on.gamma = n->gamma, j.on.beta = n->beta;
    j.t = n->t, j.sums = n->sums, j.dgamma = n->dgamma, j.dbeta = n->dbeta, j.any = n->q != NULL;
    set_layout(&j.on, 0, images, sizeof images / sizeof *images);
    need_rooms(b, &j.on);
    queue_call c = {go, &j, sizeof j, &number, 1, NULL, 0};
    queue_add(b, &c);
}

void norm_tangent(bk *b, const norm_shape *s, const norm_bends *n)
{
    if (s->rows > 0 && s->cols > 0)
        enqueue(b, tangent_go, s, n);
}

void norm_bend(bk *b, const norm_shape *s, const norm_bends *n)
{
    if (s->rows <= 0 || s->cols <= 0)
        return;
    if (n->q)
        norm_back(b, s, NULL, NULL, n->sums + NORM_QH * s->cols, n->dbeta, n->q, NULL, NULL, n->x, n->gamma,
                  n->mean, n->var, n->beta);
    enqueue(b, bend_go, s, n);
}
