/* topk.cu - the k largest of each row, sorted, ties to the lower index. */
#include "filter.h"

typedef struct topk_args {
    real *y;
    int32_t *at;
    const real *x;
    int64_t rows, cols, k;
} topk_args;

/* By one reading, or by digits. */
static int filtered(const topk_args *a)
{
    return a->k <= FILTER_MOST || a->cols <= FILTER_ROOM;
}

static filter_run run_of(bk *b, const topk_args *a)
{
    filter_run r = {};
    r.x = a->x;
    r.rows = a->rows;
    r.cols = r.stride = a->cols;
    r.k = a->k;
    r.begins = r.ends = r.values = 1;
    r.kept = (uint64_t *)b->room[ROOM_KEYS];
    r.y = a->y;
    r.at = a->at;
    filter_plan(b, &r, a->cols, a->cols);
    return r;
}

static void topk_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const topk_args *a = (const topk_args *)args;
    (void)scalars, (void)payload;
    if (filtered(a)) {
        filter_run r = run_of(b, a);
        filter_launch(b, &r);
    } else {
        select_launch(b, a->y, a->at, a->x, a->rows, a->cols, a->k, b->room[ROOM_KEYS]);
    }
}

void cuda_topk(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k)
{
    topk_args a = {y, at, x, rows, cols, k};
    if (k > cols || cols > INT32_MAX || rows > INT32_MAX)
        CUDA_DIE(b, "topk: %lld of %lld columns in %lld rows: at most all are expected, of fewer than 2^31",
                 (long long)k, (long long)cols, (long long)rows);
    if (rows <= 0 || k <= 0)
        return;
    if (filtered(&a)) {
        filter_run r = run_of(b, &a);
        cuda_need_room(b, ROOM_KEYS, filter_bytes(&r));
    } else {
        cuda_need_room(b, ROOM_KEYS, select_bytes(rows, cols, k));
    }
    ENQUEUE(b, topk_go, a);
}
