/* topk.c - the k largest of each row, sorted, ties to the lower index. */
#include "choice.h"
#include "device.h"
#include "parallel.h"

enum { GRAIN = 16384 };

typedef struct work {
    bk *b;
    float *y;
    int32_t *at;
    const float *x;
    int64_t cols, k, room, rows, pieces;
    uint64_t *keys; /* `room` for each piece of work */
} work;

static void topk_rows(void *ctx, int64_t first, int64_t last)
{
    const work *w = ctx;
    for (int64_t piece = first; piece < last; piece++)
        for (int64_t r = w->rows * piece / w->pieces; r < w->rows * (piece + 1) / w->pieces; r++) {
            const float *x = w->x + r * w->cols;
            float *y = w->y + r * w->k;
            int32_t *at = w->at + r * w->k;
            choice c;
            choice_open(&c, w->keys + piece * w->room, w->k);
            choice_scan(&c, x, w->cols, 0);
            choice_close(&c, y, at);
            for (int64_t j = 0; j < w->k; j++)
                y[j] = x[at[j]]; /* a key does not tell -0 from 0 */
        }
}

void cpu_topk(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k)
{
    if (k > cols || cols > INT32_MAX)
        CPU_DIE(b, "topk: %lld of %lld columns", (long long)k, (long long)cols);
    if (rows <= 0 || k <= 0)
        return;
    work w = {b, y, at, x, cols, k, choice_room(k), rows, rows * cols / GRAIN + 1, NULL};
    w.pieces = w.pieces > parallel_threads() ? parallel_threads() : w.pieces;
    w.keys = cpu_room(b, ROOM_KEYS, (size_t)(w.pieces * w.room) * sizeof *w.keys);
    parallel(w.pieces, 1, topk_rows, &w);
}
