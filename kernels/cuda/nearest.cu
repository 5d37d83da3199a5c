/* nearest.cu - the rows of a bank with the largest inner products, without the
 * matrix of all products: cuBLAS makes tiles of it that the second-level cache
 * holds, and the filter of filter.cu reads each once. */
#include "filter.h"

enum { THREADS = 256, WORTHWHILE_ROWS = 512, WORTHWHILE_COLS = 32 };
static const size_t least_tile = 8 << 20, most_tile = 64 << 20; /* bytes */
static const int64_t bank = 4096, most_bank = 1 << 16;          /* columns of a tile */

typedef struct search {
    real *y;
    int32_t *at;
    const real *a, *c;
    int64_t m, n, d, k;
    int64_t wide; /* columns of the copies that are multiplied; 0: a and c are */
} search;

/* Queries and rows of the bank in a tile. With few queries a tile is wide. */
typedef struct tile {
    int64_t rows, cols;
} tile;

static int64_t at_least_one(int64_t n, int64_t most)
{
    return n < 1 ? 1 : n < most ? n : most;
}

static tile tile_of(const bk *b, const search *s)
{
    size_t bytes = b->l2 / 2 < least_tile ? least_tile : b->l2 / 2 > most_tile ? most_tile : b->l2 / 2;
    int64_t reals = (int64_t)(bytes / sizeof(real)), wide = reals / s->m / bank * bank;
    if (s->k > FILTER_MOST) /* whole rows */
        return {at_least_one(reals / s->n, s->m), s->n};
    int64_t cols = wide < bank ? bank : wide < most_bank ? wide : most_bank;
    cols = cols < s->n ? cols : s->n;
    int64_t most = reals / cols, slices = (s->m + most - 1) / most;
    return {(s->m + slices - 1) / slices, cols};
}

/* Rows of a tile begin where a vector may be read. */
static int64_t stride_of(const tile *t)
{
    return (t->cols + 3) / 4 * 4;
}

static filter_run run_of(bk *b, const search *s, const tile *t)
{
    filter_run r = {};
    r.x = (const real *)b->room[ROOM_TILE];
    r.rows = t->rows;
    r.cols = t->cols;
    r.stride = stride_of(t);
    r.k = s->k;
    r.begins = r.ends = t->cols == s->n;
    r.kept = (uint64_t *)b->room[ROOM_KEYS];
    filter_plan(b, &r, t->cols, s->n);
    return r;
}

/* Copies of rows that begin where a vector may be read, with zeros behind. */
static __global__ void widen_kernel(float4 *y, const real *x, int64_t rows, int64_t d, int64_t vectors)
{
    for (int64_t i = grid_first(); i < rows * vectors; i += grid_step()) {
        int64_t row = i / vectors, col = (i - row * vectors) * 4, left = d - col;
        const real *from = x + row * d + col;
        y[i] = make_float4(from[0], left > 1 ? from[1] : 0, left > 2 ? from[2] : 0, left > 3 ? from[3] : 0);
    }
}

static void widen(bk *b, const search *s, enum cuda_room to, const real *x, int64_t rows)
{
    if (s->wide)
        LAUNCH(b, widen_kernel, blocks_for(b, rows * s->wide / 4, THREADS), THREADS, 0, (float4 *)b->room[to], x,
               rows, s->d, s->wide / 4);
}

/* Products of `rows` queries with `cols` of the bank. cuBLAS stores by columns:
 * what it sees is the transpose. */
static void multiply(bk *b, const search *s, int64_t q, int64_t rows, int64_t first, int64_t cols, int64_t stride)
{
    const real one = 1, zero = 0;
    int64_t d = s->wide ? s->wide : s->d;
    const real *a = s->wide ? (const real *)b->room[ROOM_Y] : s->a + q * d;
    const real *c = (s->wide ? (const real *)b->room[ROOM_X] : s->c) + first * d;
    BLAS_DO(b, "nearest",
            cublasSgemm(b->blas, CUBLAS_OP_T, CUBLAS_OP_N, (int)cols, (int)rows, (int)d, &one, c, (int)d, a, (int)d,
                        &zero, (real *)b->room[ROOM_TILE], (int)stride));
}

static void search_slice(bk *b, const search *s, const tile *t, int64_t q)
{
    filter_run r = run_of(b, s, t);
    r.rows = s->m - q < t->rows ? s->m - q : t->rows;
    r.y = s->y + q * s->k;
    r.at = s->at + q * s->k;
    for (r.first = 0; r.first < s->n; r.first += t->cols) {
        r.cols = s->n - r.first < t->cols ? s->n - r.first : t->cols;
        r.begins = r.first == 0;
        r.ends = r.first + r.cols == s->n;
        multiply(b, s, q, r.rows, r.first, r.cols, r.stride);
        filter_launch(b, &r);
    }
}

static void nearest_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const search *s = (const search *)args;
    tile t = tile_of(b, s);
    (void)scalars, (void)payload;
    widen(b, s, ROOM_X, s->c, s->n);
    for (int64_t q = 0; q < s->m; q += t.rows) {
        int64_t rows = s->m - q < t.rows ? s->m - q : t.rows;
        widen(b, s, ROOM_Y, s->a + q * s->d, rows);
        if (s->k <= FILTER_MOST) {
            search_slice(b, s, &t, q);
            continue;
        }
        multiply(b, s, q, rows, 0, s->n, s->n);
        select_launch(b, s->y + q * s->k, s->at + q * s->k, (const real *)b->room[ROOM_TILE], rows, s->n, s->k,
                      b->room[ROOM_KEYS]);
    }
}

/* Tensor cores want vectors, and so does the rest of cuBLAS for speed; the copies
 * pay when there are many queries, and must leave memory to others. */
static int64_t wide_of(bk *b, const search *s)
{
    size_t unused = 0, total = 0, bytes = (size_t)(s->n * (s->d + 3) / 4 * 4) * sizeof(real);
    int vectors = s->d % 4 == 0 && aligned_to(s->a, sizeof(float4)) && aligned_to(s->c, sizeof(float4));
    if (vectors || s->m < WORTHWHILE_ROWS || s->d < WORTHWHILE_COLS)
        return 0;
    CUDA_DO(b, "nearest", cudaMemGetInfo(&unused, &total));
    return bytes <= total / 8 ? (s->d + 3) / 4 * 4 : 0;
}

static void need_rooms(bk *b, const search *s)
{
    tile t = tile_of(b, s);
    filter_run r = run_of(b, s, &t);
    cuda_need_room(b, ROOM_TILE, (size_t)(t.rows * stride_of(&t)) * sizeof(real));
    cuda_need_room(b, ROOM_KEYS, s->k <= FILTER_MOST ? filter_bytes(&r) : select_bytes(t.rows, s->n, s->k));
    cuda_need_room(b, ROOM_X, (size_t)(s->n * s->wide) * sizeof(real));
    cuda_need_room(b, ROOM_Y, (size_t)(t.rows * s->wide) * sizeof(real));
}

void cuda_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                  int64_t k)
{
    search s = {y, at, a, c, m, n, d, k, 0};
    if (k > n || n > INT32_MAX || d > INT32_MAX - 3)
        CUDA_DIE(b, "nearest: %lld of %lld rows of %lld: at most all are expected, of fewer than 2^31",
                 (long long)k, (long long)n, (long long)d);
    if (m <= 0 || d <= 0 || k <= 0)
        return;
    s.wide = wide_of(b, &s);
    need_rooms(b, &s);
    ENQUEUE(b, nearest_go, s);
}
