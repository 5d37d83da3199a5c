/* rows.cu - by rows of a matrix: log-sum-exp, log-softmax and its gradient, and
 * copies of columns. A row of up to HELD_MOST values is held in the registers of
 * a few lanes and read once; a longer one is read by a block, several times. */
#include "fold.h"

enum {
    THREADS = FOLD_THREADS,
    HELD_FEW = FOLD_LANES, /* values that a lane holds */
    HELD_MANY = 32,
    HELD_MOST = HELD_MANY * WARP,
    BATCH = 8, /* values of a long row that a thread adds in float */
    WIDE = 4   /* reals in a pack */
};

typedef struct rows_args {
    real *y; /* dx */
    const real *x, *dy;
    int64_t rows, cols;
    int64_t whole; /* y[rows][cols], log-softmax; else y[rows], log-sum-exp */
} rows_args;

/* log sum exp = top + rest: kept apart, so that x - top loses nothing. */
typedef struct row_lse {
    float top, rest;
} row_lse;

/* A top that is infinite or NaN is all there is to say. */
static __device__ __forceinline__ row_lse lse_of(float top, double sum)
{
    return {top, isfinite(top) ? logf((float)sum) : 0};
}

/* --- Rows in registers --- */

/* Where a thread stands: which row, and which of the lanes that share it. */
typedef struct place {
    int64_t row;
    int lane, lanes, there; /* there: the row exists; lanes without one go along */
} place;

static __device__ __forceinline__ place place_of(int64_t base, int64_t rows, int lanes)
{
    int64_t row = base + (int)threadIdx.x / lanes;
    return {row, (int)threadIdx.x % lanes, lanes, row < rows};
}

/* Rows that hold many values a lane are a whole warp's; known to the compiler,
 * that saves a register for every address. */
template <int HELD> static __device__ __forceinline__ int lanes_of(int lanes)
{
    return HELD == HELD_MANY ? (int)WARP : lanes;
}

template <int HELD>
static __device__ __forceinline__ void hold(float *v, const real *x, int64_t cols, place p, float none)
{
    const real *from = x + p.row * cols + p.lane;
    const int left = p.there ? (int)cols - p.lane : 0;
#pragma unroll
    for (int k = 0; k < HELD; k++)
        v[k] = k * p.lanes < left ? from[k * p.lanes] : none;
}

template <int HELD> static __device__ __forceinline__ void release(real *y, const float *v, int64_t cols, place p)
{
    real *to = y + p.row * cols + p.lane;
    const int left = p.there ? (int)cols - p.lane : 0;
#pragma unroll
    for (int k = 0; k < HELD; k++)
        if (k * p.lanes < left)
            to[k * p.lanes] = v[k];
}

/* Of what the lanes hold, or with EXP of exp(value - top); in each of them. */
template <int HELD, int EXP> static __device__ __forceinline__ double held_sum(const float *v, float top, int lanes)
{
    const int few = HELD < BATCH ? HELD : BATCH;
    double f = 0;
#pragma unroll
    for (int k = 0; k < HELD; k += few) {
        float t[few];
#pragma unroll
        for (int j = 0; j < few; j++)
            t[j] = EXP ? expf(v[k + j] - top) : v[k + j];
        f += (double)fold_own<fold_sum, few>(t);
    }
    return fold_lanes<fold_sum>(f, lanes);
}

template <int HELD> static __device__ __forceinline__ row_lse held_lse(const float *v, int lanes)
{
    float top = v[0];
#pragma unroll
    for (int k = 1; k < HELD; k++)
        top = fold_max::of(top, v[k]);
    top = fold_lanes<fold_max>(top, lanes);
    return lse_of(top, held_sum<HELD, 1>(v, top, lanes));
}

template <int HELD, int WHOLE>
static __global__ void softmax_held(real *y, const real *x, int64_t rows, int64_t cols, int sharing)
{
    const int lanes = lanes_of<HELD>(sharing);
    const int64_t groups = THREADS / lanes;
    for (int64_t base = blockIdx.x * groups; base < rows; base += gridDim.x * groups) {
        place p = place_of(base, rows, lanes);
        float v[HELD];
        hold<HELD>(v, x, cols, p, -INFINITY);
        row_lse lse = held_lse<HELD>(v, lanes);
#pragma unroll
        for (int k = 0; k < HELD; k++)
            v[k] = v[k] - lse.top - lse.rest; /* unused without WHOLE */
        if (WHOLE)
            release<HELD>(y, v, cols, p);
        else if (p.there && p.lane == 0)
            y[p.row] = lse.top + lse.rest;
    }
}

/* dx = dy - exp(y) sum(dy). */
template <int HELD>
static __global__ void grad_held(real *dx, const real *dy, const real *y, int64_t rows, int64_t cols, int sharing)
{
    const int lanes = lanes_of<HELD>(sharing);
    const int64_t groups = THREADS / lanes;
    for (int64_t base = blockIdx.x * groups; base < rows; base += gridDim.x * groups) {
        place p = place_of(base, rows, lanes);
        float g[HELD], v[HELD];
        hold<HELD>(g, dy, cols, p, 0);
        hold<HELD>(v, y, cols, p, 0);
        const float sum = (float)held_sum<HELD, 0>(g, 0, lanes);
#pragma unroll
        for (int k = 0; k < HELD; k++)
            g[k] = fmaf(-expf(v[k]), sum, g[k]);
        release<HELD>(dx, g, cols, p);
    }
}

/* --- Long rows --- */

/* Of the row's values, or with EXP of exp(value - top); in every thread. */
template <int EXP> static __device__ double row_sum(const real *row, int64_t cols, float top, double *shared)
{
    double f = 0;
    for (int64_t j = threadIdx.x; j < cols;) {
        float x[BATCH];
#pragma unroll
        for (int k = 0; k < BATCH; k++, j += THREADS)
            x[k] = j >= cols ? 0 : EXP ? expf(row[j] - top) : row[j];
        f += fold_own<fold_sum, BATCH>(x);
    }
    return fold_block_all<fold_sum>(f, shared);
}

static __device__ float row_max(const real *row, int64_t cols, float *shared)
{
    float top = fold_max::none();
    for (int64_t j = threadIdx.x; j < cols; j += THREADS)
        top = fold_max::of(top, row[j]);
    return fold_block_all<fold_max>(top, shared);
}

template <int WHOLE> static __global__ void softmax_long(real *y, const real *x, int64_t rows, int64_t cols)
{
    __shared__ double sums[THREADS];
    __shared__ float tops[THREADS];
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
        const real *row = x + i * cols;
        float top = row_max(row, cols, tops);
        row_lse lse = lse_of(top, row_sum<1>(row, cols, top, sums));
        for (int64_t j = threadIdx.x; WHOLE && j < cols; j += THREADS)
            y[i * cols + j] = row[j] - lse.top - lse.rest;
        if (!WHOLE && threadIdx.x == 0)
            y[i] = lse.top + lse.rest;
    }
}

static __global__ void grad_long(real *dx, const real *dy, const real *y, int64_t rows, int64_t cols)
{
    __shared__ double sums[THREADS];
    for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
        float sum = (float)row_sum<0>(dy + i * cols, cols, 0, sums);
        for (int64_t j = i * cols + threadIdx.x; j < (i + 1) * cols; j += THREADS)
            dx[j] = fmaf(-expf(y[j]), sum, dy[j]);
    }
}

/* --- Launching --- */

static int holds_few(int64_t cols)
{
    return cols <= HELD_FEW * WARP;
}

template <int WHOLE> static void softmax_with(bk *b, const rows_args *p)
{
    const int lanes = fold_lanes_for(p->cols);
    auto *kernel = holds_few(p->cols) ? softmax_held<HELD_FEW, WHOLE> : softmax_held<HELD_MANY, WHOLE>;
    auto *longer = softmax_long<WHOLE>;
    if (p->cols <= HELD_MOST)
        LAUNCH(b, kernel, blocks_for(b, p->rows, THREADS / lanes), THREADS, 0, p->y, p->x, p->rows, p->cols, lanes);
    else
        LAUNCH(b, longer, blocks_for(b, p->rows, 1), THREADS, 0, p->y, p->x, p->rows, p->cols);
}

static void softmax_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const rows_args *p = (const rows_args *)args;
    (void)scalars, (void)payload;
    if (p->whole)
        softmax_with<1>(b, p);
    else
        softmax_with<0>(b, p);
}

static void grad_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const rows_args *p = (const rows_args *)args;
    const int lanes = fold_lanes_for(p->cols);
    auto *kernel = holds_few(p->cols) ? grad_held<HELD_FEW> : grad_held<HELD_MANY>;
    (void)scalars, (void)payload;
    if (p->cols <= HELD_MOST)
        LAUNCH(b, kernel, blocks_for(b, p->rows, THREADS / lanes), THREADS, 0, p->y, p->dy, p->x, p->rows, p->cols,
               lanes);
    else
        LAUNCH(b, grad_long, blocks_for(b, p->rows, 1), THREADS, 0, p->y, p->dy, p->x, p->rows, p->cols);
}

static void enqueue(bk *b, queue_go *go, const rows_args *p)
{
    if (p->rows > 0 && p->cols > 0)
        ENQUEUE(b, go, *p);
}

void cuda_lse(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    rows_args p = {y, x, NULL, rows, cols, 0};
    enqueue(b, softmax_go, &p);
}

void cuda_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    rows_args p = {y, x, NULL, rows, cols, 1};
    enqueue(b, softmax_go, &p);
}

void cuda_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols)
{
    rows_args p = {dx, y, dy, rows, cols, 1};
    enqueue(b, grad_go, &p);
}

/* --- Columns --- */

typedef struct cols_args {
    real *y;
    const real *x; /* both at the first column that moves */
    int64_t ycols, xcols, rows, cols;
} cols_args;

/* per: packs of a row that move; by: how far a step of the whole grid goes. */
template <int WIDTH>
static __global__ void copy_cols(real *__restrict__ y, const real *__restrict__ x, int64_t ycols, int64_t xcols,
                                 int64_t packs, int64_t per, spot by)
{
    spot at = spot_of(grid_first(), INT64_MAX, per);
#pragma unroll 4
    for (int64_t i = grid_first(); i < packs; i += grid_step()) {
        store<real, WIDTH>(y + at.row * ycols + at.at * WIDTH,
                           fetch<real, WIDTH>(x + at.row * xcols + at.at * WIDTH));
        spot_move(&at, by, INT64_MAX, per);
    }
}

static void cols_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const cols_args *p = (const cols_args *)args;
    const int whole = (p->cols | p->ycols | p->xcols) % WIDE == 0;
    const int aligned = aligned_to(p->y, WIDE * sizeof(real)) && aligned_to(p->x, WIDE * sizeof(real));
    const int64_t per = p->cols / (whole && aligned ? WIDE : 1);
    const unsigned grid = blocks_for(b, p->rows * per, THREADS);
    auto *kernel = whole && aligned ? copy_cols<WIDE> : copy_cols<1>;
    (void)scalars, (void)payload;
    LAUNCH(b, kernel, grid, THREADS, 0, p->y, p->x, p->ycols, p->xcols, p->rows * per, per,
           spot_of((int64_t)grid * THREADS, INT64_MAX, per));
}

void cuda_copy_cols(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols, int64_t xfirst,
                    int64_t rows, int64_t cols)
{
    if (yfirst < 0 || yfirst + cols > ycols || xfirst < 0 || xfirst + cols > xcols)
        CUDA_DIE(b, "copy_cols: %lld columns from %lld of %lld to %lld of %lld", (long long)cols, (long long)xfirst,
                 (long long)xcols, (long long)yfirst, (long long)ycols);
    cols_args p = {y + yfirst, x + xfirst, ycols, xcols, rows, cols};
    if (rows > 0 && cols > 0)
        ENQUEUE(b, cols_go, p);
}
