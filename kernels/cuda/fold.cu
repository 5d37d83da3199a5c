/* fold.cu - sums and maxima of an array [outer][mid][inner], down to [mid]: down
 * columns where inner is short, else along rows. Both in pieces that depend on
 * the extents alone; when a result has several, a second kernel joins them. */
#include "fold.h"

enum {
    THREADS = FOLD_THREADS,
    WIDE = 4,           /* reals in a pack */
    ALONG = 16,         /* values of a row that a thread adds in float */
    DOWN = 8,           /* the same of a column */
    SHORT = 1024,       /* rows of so many values are one warp's at most */
    PIECE = 8192,       /* values that are worth a block */
    MOST_BLOCKS = 1024, /* worth having: about one wave */
    SEGMENT = 32,       /* shorter runs of neighbours waste memory traffic */
    FINISH_ACROSS = 8   /* columns that a block joins */
};

typedef struct fold_args {
    real *v;
    const real *a;
    int64_t max; /* else sum */
    int64_t outer, mid, inner;
    int64_t wide;        /* reals in a pack: WIDE or 1 */
    int64_t parts, each; /* pieces of a result; packs (rows) in a piece */
    int64_t across;      /* lanes on a row; threads side by side on columns */
} fold_args;

/* --- Along rows --- */

/* Packs first, first + step .. below last of one row, which is `row` and what
 * follows at every `stride`; `per` packs are in one segment. */
template <class OP, int WIDTH>
static __device__ double along(const real *row, int64_t stride, int64_t per, int64_t first, int64_t last,
                               int64_t step)
{
    const spot by = spot_of(step, INT64_MAX, per);
    double f = OP::none();
    spot at = spot_of(first, INT64_MAX, per);
    for (int64_t i = first; i < last;) {
        real x[ALONG];
#pragma unroll
        for (int j = 0; j < ALONG; j += WIDTH, i += step) {
            pack<real, WIDTH> p;
            for (int w = 0; w < WIDTH; w++)
                p.v[w] = OP::none();
            if (i < last)
                p = fetch<real, WIDTH>(row + at.row * stride + at.at * WIDTH);
            for (int w = 0; w < WIDTH; w++)
                x[j + w] = p.v[w];
            spot_move(&at, by, INT64_MAX, per);
        }
        f = OP::of(f, (double)fold_own<OP, ALONG>(x));
    }
    return f;
}

/* Each row by so many neighbouring lanes. */
template <class OP, int WIDTH>
static __global__ void short_rows(real *v, const real *a, int64_t outer, int64_t mid, int64_t inner, int lanes)
{
    const int lane = (int)threadIdx.x % lanes, groups = THREADS / lanes;
    for (int64_t base = (int64_t)blockIdx.x * groups; base < mid; base += (int64_t)gridDim.x * groups) {
        int64_t m = base + (int)threadIdx.x / lanes, per = inner / WIDTH;
        double f = OP::none();
        if (m < mid)
            f = along<OP, WIDTH>(a + m * inner, mid * inner, per, lane, outer * per, lanes);
        f = fold_lanes<OP>(f, lanes);
        if (m < mid && lane == 0)
            v[m] = (real)f;
    }
}

/* Each piece of a row by a block; partial[parts][mid], or NULL for one part. */
template <class OP, int WIDTH>
static __global__ void long_rows(real *v, double *partial, const real *a, int64_t outer, int64_t mid, int64_t inner,
                                 int64_t parts, int64_t each)
{
    __shared__ double shared[THREADS];
    for (int64_t i = blockIdx.x; i < mid * parts; i += gridDim.x) {
        int64_t m = quotient(i, parts), part = i - m * parts, per = inner / WIDTH, last = (part + 1) * each;
        double f = along<OP, WIDTH>(a + m * inner, mid * inner, per, part * each + threadIdx.x,
                                    last < outer * per ? last : outer * per, THREADS);
        f = fold_block<OP>(f, shared, 1);
        if (threadIdx.x == 0 && partial)
            partial[part * mid + m] = f;
        else if (threadIdx.x == 0)
            v[m] = (real)f;
    }
}

/* --- Down columns --- */

/* What one thread finds in WIDTH columns at a, in rows first, first + step ..
 * below last. */
template <class OP, int WIDTH>
static __device__ __forceinline__ void down(double *f, const real *a, int64_t cols, int64_t first, int64_t last,
                                            int64_t step)
{
    for (int64_t r = first; r < last; r += DOWN * step) {
        real x[WIDTH][DOWN];
#pragma unroll
        for (int j = 0; j < DOWN; j++) {
            pack<real, WIDTH> p;
            for (int w = 0; w < WIDTH; w++)
                p.v[w] = OP::none();
            if (r + j * step < last)
                p = fetch<real, WIDTH>(a + (r + j * step) * cols);
            for (int w = 0; w < WIDTH; w++)
                x[w][j] = p.v[w];
        }
        for (int w = 0; w < WIDTH; w++)
            f[w] = OP::of(f[w], (double)fold_own<OP, DOWN>(x[w]));
    }
}

/* A block: `across` packs of columns, piece blockIdx.y of the rows;
 * partial[pieces][cols], or NULL for one. */
template <class OP, int WIDTH>
static __global__ void columns(real *v, double *partial, const real *a, int64_t rows, int64_t cols, int across,
                               int64_t each)
{
    __shared__ double shared[THREADS];
    const int high = THREADS / across, t = (int)threadIdx.x;
    const int64_t c = ((int64_t)blockIdx.x * across + t % across) * WIDTH, part = blockIdx.y;
    const int64_t last = (part + 1) * each < rows ? (part + 1) * each : rows;
    double f[WIDTH];
    for (int w = 0; w < WIDTH; w++)
        f[w] = OP::none();
    if (c < cols)
        down<OP, WIDTH>(f, a + c, cols, part * each + t / across, last, high);
#pragma unroll
    for (int w = 0; w < WIDTH; w++) {
        double g = fold_block<OP>(f[w], shared, across);
        if (t < across && c < cols && partial)
            partial[part * cols + c + w] = g;
        else if (t < across && c < cols)
            v[c + w] = (real)g;
    }
}

/* --- Joining --- */

/* partial[parts][mid][inner] to v[mid]. */
template <class OP>
static __global__ void finish(real *v, const double *partial, int64_t parts, int64_t mid, int64_t inner, int across)
{
    __shared__ double shared[THREADS];
    const int64_t m = (int64_t)blockIdx.x * across + threadIdx.x % across, step = THREADS / across;
    const spot by = spot_of(step, INT64_MAX, inner);
    spot at = spot_of(threadIdx.x / across, INT64_MAX, inner);
    double f = OP::none();
    for (; at.row < parts && m < mid; spot_move(&at, by, INT64_MAX, inner))
        f = OP::of(f, partial[(at.row * mid + m) * inner + at.at]);
    f = fold_block<OP>(f, shared, across);
    if ((int)threadIdx.x < across && m < mid)
        v[m] = (real)f;
}

/* --- Launching --- */

static int64_t pieces_of(int64_t n, int64_t each)
{
    return (n + each - 1) / each;
}

template <class OP> static void join(bk *b, const fold_args *p, int64_t inner)
{
    const int across = power_of_two(p->mid, FINISH_ACROSS);
    auto *kernel = finish<OP>;
    LAUNCH(b, kernel, (unsigned)pieces_of(p->mid, across), THREADS, 0, p->v, (const double *)b->room[ROOM_SUMS],
           p->parts, p->mid, inner, across);
}

template <class OP> static void go_short(bk *b, const fold_args *p)
{
    auto *kernel = p->wide == WIDE ? short_rows<OP, WIDE> : short_rows<OP, 1>;
    LAUNCH(b, kernel, blocks_for(b, p->mid, THREADS / p->across), THREADS, 0, p->v, p->a, p->outer, p->mid,
           p->inner, (int)p->across);
}

template <class OP> static void go_long(bk *b, const fold_args *p)
{
    double *partial = p->parts > 1 ? (double *)b->room[ROOM_SUMS] : NULL;
    auto *kernel = p->wide == WIDE ? long_rows<OP, WIDE> : long_rows<OP, 1>;
    LAUNCH(b, kernel, blocks_for(b, p->mid * p->parts, 1), THREADS, 0, p->v, partial, p->a, p->outer, p->mid,
           p->inner, p->parts, p->each);
    if (partial)
        join<OP>(b, p, 1);
}

template <class OP> static void go_columns(bk *b, const fold_args *p)
{
    const int64_t cols = p->mid * p->inner;
    double *partial = p->parts > 1 || p->inner > 1 ? (double *)b->room[ROOM_SUMS] : NULL;
    dim3 grid((unsigned)pieces_of(cols, p->across * p->wide), (unsigned)p->parts);
    auto *kernel = p->wide == WIDE ? columns<OP, WIDE> : columns<OP, 1>;
    LAUNCH(b, kernel, grid, THREADS, 0, p->v, partial, p->a, p->outer, cols, (int)p->across, p->each);
    if (partial)
        join<OP>(b, p, p->inner);
}

static int by_columns(const fold_args *p)
{
    return p->outer > 1 && p->mid > 1 && p->inner < SEGMENT;
}

static int by_warps(const fold_args *p)
{
    return p->outer * p->inner <= SHORT;
}

template <class OP> static void fold_with(bk *b, const fold_args *p)
{
    if (by_columns(p))
        go_columns<OP>(b, p);
    else if (by_warps(p))
        go_short<OP>(b, p);
    else
        go_long<OP>(b, p);
}

static void fold_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const fold_args *p = (const fold_args *)args;
    (void)scalars, (void)payload;
    if (p->max)
        fold_with<fold_max>(b, p);
    else
        fold_with<fold_sum>(b, p);
}

/* --- Dividing the work --- */

/* `n` things to `results` blocks at least, `worth` or more of them to each, and
 * whole multiples of `unit`. */
static void divide(fold_args *p, int64_t n, int64_t results, int64_t worth, int64_t unit)
{
    int64_t most = MOST_BLOCKS / results > 1 ? MOST_BLOCKS / results : 1, parts = pieces_of(n, worth);
    p->each = pieces_of(pieces_of(n, parts < most ? parts : most), unit) * unit;
    p->parts = pieces_of(n, p->each);
}

static size_t plan_columns(fold_args *p)
{
    const int64_t cols = p->mid * p->inner;
    p->wide = cols % WIDE == 0 && aligned_to(p->a, WIDE * sizeof(real)) ? WIDE : 1;
    p->across = power_of_two(cols / p->wide, WARP);
    const int64_t once = THREADS / p->across * DOWN;
    divide(p, p->outer, pieces_of(cols, p->across * p->wide), once, once);
    return p->parts > 1 || p->inner > 1 ? (size_t)(p->parts * cols) : 0;
}

/* One row, or rows that follow each other, have no gaps. */
static size_t plan_rows(fold_args *p)
{
    if (p->mid == 1) {
        p->inner *= p->outer;
        p->outer = 1;
    }
    p->wide = p->inner % WIDE == 0 && aligned_to(p->a, WIDE * sizeof(real)) ? WIDE : 1;
    p->across = fold_lanes_for(p->outer * p->inner);
    if (!by_warps(p))
        divide(p, p->outer * p->inner / p->wide, p->mid, PIECE / p->wide, THREADS);
    return p->parts > 1 ? (size_t)(p->parts * p->mid) : 0;
}

void cuda_fold(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner)
{
    if (op != BK_SUM && op != BK_MAX)
        CUDA_DIE(b, "fold: no operation %d", (int)op);
    if (outer <= 0 || mid <= 0 || inner <= 0)
        return;
    fold_args p = {v, a, op == BK_MAX, outer, mid, inner, 1, 1, 0, 1};
    size_t partial = by_columns(&p) ? plan_columns(&p) : plan_rows(&p);
    if (partial)
        cuda_need_room(b, ROOM_SUMS, partial * sizeof(double));
    ENQUEUE(b, fold_go, p);
}
