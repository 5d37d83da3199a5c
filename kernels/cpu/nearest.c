/* nearest.c - the rows of a bank with the largest inner products, without the
 * matrix of all products. Where the processor has fast products of bytes, they say
 * which rows are worth a float product (screen.c). Else, and for queries to which
 * too many rows are alike, tiles of the matrix are made by oneDNN and read by the
 * filters of choice.c while they are in the cache. */
#include <string.h>

#include "choice.h"
#include "device.h"
#include "parallel.h"
#include "screen.h"

enum { QUERIES = 256, BANK = 2048, KEYS = 1 << 22, TILE_KIND = 100 };

typedef struct search {
    const float *a, *c; /* [m][d] queries, [n][d] bank */
    float *y, *tile;
    int32_t *at;
    int64_t n, d, k, rows, room; /* rows: queries of a tile; room: keys of each */
    choice *open;
    uint64_t *keys;
    int64_t q, first, cols; /* this tile: queries from q, bank first .. first + cols */
} search;

/* The product of a tile of queries with `cols` of the bank, which the reorder
 * packs as oneDNN likes. op is NULL where oneDNN has none that packs. */
static cpu_made *tile_op(bk *b, int64_t rows, int64_t cols, int64_t d)
{
    int64_t key[CPU_KEY] = {TILE_KIND, rows, cols, d};
    cpu_made *made = cpu_recall(b, key);
    if (made->op)
        return made;
    dnn_desc a = dnn_matrix(b->dnn, rows, d, d, 1), c = dnn_matrix(b->dnn, rows, cols, cols, 1);
    dnn_desc bank = dnn_matrix(b->dnn, d, cols, 1, d);
    made->op = dnn_product(b->dnn, &(dnn_matmul){.m = rows, .n = cols, .k = d, .a = a, .c = c});
    if (made->op)
        made->pack[0] = dnn_reorder(b->dnn, bank, dnn_want(made->op, DNNL_ARG_WEIGHTS));
    if (!made->pack[0]) {
        dnn_drop(made->op);
        made->op = NULL;
    }
    dnn_forget(a);
    dnn_forget(c);
    dnn_forget(bank);
    return made;
}

static void scan_queries(void *ctx, int64_t first, int64_t last)
{
    const search *s = ctx;
    for (int64_t i = first; i < last; i++) {
        if (s->first == 0)
            choice_open(&s->open[i], s->keys + i * s->room, s->k);
        choice_scan(&s->open[i], s->tile + i * s->cols, s->cols, s->first);
        if (s->first + s->cols == s->n)
            choice_close(&s->open[i], s->y + (s->q + i) * s->k, s->at + (s->q + i) * s->k);
    }
}

/* Packed tiles of the bank lie `stride` bytes apart. */
static char *pack_bank(bk *b, const search *s, size_t *stride)
{
    int64_t tiles = (s->n + BANK - 1) / BANK;
    cpu_made *whole = tile_op(b, s->rows, s->n < BANK ? s->n : BANK, s->d);
    *stride = whole->op ? (dnn_bytes(dnn_want(whole->op, DNNL_ARG_WEIGHTS)) + 63) / 64 * 64 : 0;
    char *packed = cpu_room(b, ROOM_W, (size_t)tiles * *stride + 64);
    for (int64_t t = 0; t < tiles; t++) {
        int64_t first = t * BANK, cols = s->n - first < BANK ? s->n - first : BANK;
        cpu_made *made = tile_op(b, s->rows, cols, s->d);
        if (made->op)
            DNN_RUN(b->dnn, made->pack[0], {DNNL_ARG_FROM, s->c + first * s->d},
                    {DNNL_ARG_TO, packed + (size_t)t * *stride});
    }
    return packed;
}

static void search_queries(bk *b, search *s, const char *packed, size_t stride)
{
    for (s->first = 0; s->first < s->n; s->first += BANK, packed += stride) {
        s->cols = s->n - s->first < BANK ? s->n - s->first : BANK;
        cpu_made *made = tile_op(b, s->rows, s->cols, s->d);
        const float *a = s->a + s->q * s->d;
        if (made->op)
            DNN_RUN(b->dnn, made->op, {DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, s->tile});
        else
            cpu_gemm(b, 0, 1, s->rows, s->cols, s->d, a, s->c + s->first * s->d, 0, s->tile);
        parallel(s->rows, 8, scan_queries, s);
    }
}

/* Tiles of queries are of one size: the last begins early enough, and the
 * queries it shares with the one before are answered twice, alike. */
static void by_tiles(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                     int64_t k)
{
    search s = {.a = a, .c = c, .y = y, .at = at, .n = n, .d = d, .k = k, .room = choice_room(k)};
    int64_t most = KEYS / s.room < 1 ? 1 : KEYS / s.room > QUERIES ? QUERIES : KEYS / s.room;
    int64_t tiles = (m + most - 1) / most;
    s.rows = (m + tiles - 1) / tiles;
    size_t keys = (size_t)(s.rows * s.room) * sizeof *s.keys, stride;
    s.keys = cpu_room(b, ROOM_KEYS, keys + (size_t)s.rows * sizeof *s.open);
    s.open = (choice *)(s.keys + s.rows * s.room);
    s.tile = cpu_room(b, ROOM_TILE, (size_t)(s.rows * (n < BANK ? n : BANK)) * sizeof *s.tile);
    const char *packed = pack_bank(b, &s, &stride);
    for (int64_t t = 0; t < tiles; t++) {
        s.q = t * s.rows < m - s.rows ? t * s.rows : m - s.rows;
        search_queries(b, &s, packed, stride);
    }
}

/* The few that the screen left: gathered, answered and put back. */
static void answer_left(bk *b, real *y, int32_t *at, const real *a, const real *c, const int64_t *left,
                        int64_t count, int64_t n, int64_t d, int64_t k)
{
    float *x = cpu_room(b, ROOM_X, (size_t)(count * d) * sizeof *x),
          *found = cpu_room(b, ROOM_SUMS, (size_t)(count * k) * 2 * sizeof *found);
    int32_t *row = (int32_t *)(found + count * k);
    for (int64_t i = 0; i < count; i++)
        memcpy(x + i * d, a + left[i] * d, (size_t)d * sizeof *x);
    by_tiles(b, found, row, x, c, count, n, d, k);
    for (int64_t i = 0; i < count; i++) {
        memcpy(y + left[i] * k, found + i * k, (size_t)k * sizeof *y);
        memcpy(at + left[i] * k, row + i * k, (size_t)k * sizeof *at);
    }
}

void cpu_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                 int64_t k)
{
    if (k > n || n > INT32_MAX)
        CPU_DIE(b, "nearest: %lld of %lld rows", (long long)k, (long long)n);
    if (m <= 0 || d <= 0 || k <= 0)
        return;
    if (!screen_suits(n, d, k)) {
        by_tiles(b, y, at, a, c, m, n, d, k);
        return;
    }
    int64_t *left = cpu_room(b, ROOM_Y, (size_t)m * sizeof *left);
    int64_t count = screen_nearest(b, y, at, a, c, m, n, d, k, left);
    if (count)
        answer_left(b, y, at, a, c, left, count, n, d, k);
}
