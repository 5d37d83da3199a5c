/* nearest.cu - the rows of a bank with the largest inner products, without the
 * matrix of all products: cuBLAS makes tiles of it that the second-level cache
 * holds, and the filter of filter.cu reads each once. */
#include "filter.h"

static const size_t least_tile = 8 << 20, most_tile = 64 << 20; /* bytes */
static const int64_t bank = 4096, most_bank = 1 << 16;           /* columns of a tile */

typedef struct search {
    real *y;
    int32_t *at;
    const real *a, *c;
    int64_t m, n, d, k;
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
    int one = t->cols == s->n;
    filter_run r = {(const real *)b->room[ROOM_TILE],
                    t->rows,
                    t->cols,
                    stride_of(t),
                    0,
                    s->k,
                    one,
                    one,
                    0,
                    (uint64_t *)b->room[ROOM_KEYS],
                    NULL,
                    NULL,
                    0,
                    0,
                    0};
    filter_plan(b, &r, t->cols, s->n);
    return r;
}

/* Products of `rows` queries with `cols` of the bank. cuBLAS stores by columns:
 * what it sees is the transpose. */
static void multiply(bk *b, const search *s, int64_t q, int64_t rows, int64_t first, int64_t cols, int64_t stride)
{
    const real one = 1, zero = 0;
    BLAS_DO(b, "nearest",
            cublasSgemm(b->blas, CUBLAS_OP_T, CUBLAS_OP_N, (int)cols, (int)rows, (int)s->d, &one,
                        s->c + first * s->d, (int)s->d, s->a + q * s->d, (int)s->d, &zero,
                        (real *)b->room[ROOM_TILE], (int)stride));
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
    for (int64_t q = 0; q < s->m; q += t.rows) {
        int64_t rows = s->m - q < t.rows ? s->m - q : t.rows;
        if (s->k <= FILTER_MOST) {
            search_slice(b, s, &t, q);
            continue;
        }
        multiply(b, s, q, rows, 0, s->n, s->n);
        select_launch(b, s->y + q * s->k, s->at + q * s->k, (const real *)b->room[ROOM_TILE], rows, s->n, s->k,
                      b->room[ROOM_KEYS]);
    }
}

void cuda_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                  int64_t k)
{
    search s = {y, at, a, c, m, n, d, k};
    if (k > n || n > INT32_MAX || d > INT32_MAX)
        CUDA_DIE(b, "nearest: %lld of %lld rows of %lld: at most all are expected, of fewer than 2^31",
                 (long long)k, (long long)n, (long long)d);
    if (m <= 0 || d <= 0 || k <= 0)
        return;
    tile t = tile_of(b, &s);
    cuda_need_room(b, ROOM_TILE, (size_t)(t.rows * stride_of(&t)) * sizeof(real));
    if (k <= FILTER_MOST) {
        filter_run r = run_of(b, &s, &t);
        cuda_need_room(b, ROOM_KEYS, filter_bytes(&r));
    } else {
        cuda_need_room(b, ROOM_KEYS, select_bytes(t.rows, n, k));
    }
    ENQUEUE(b, nearest_go, s);
}
