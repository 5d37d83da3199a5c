/* parallel.c - work sharing on libgomp's pool. oneDNN runs on that pool; a second
 * one would fight it for the cores. Its entry points are declared here by hand,
 * so that a compiler's own OpenMP (clang's has another pool) is not needed. */
#include "parallel.h"

void GOMP_parallel(void (*run)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
int omp_get_max_threads(void);
int omp_in_parallel(void);

typedef struct share {
    parallel_body *body;
    void *ctx;
    int64_t n, grain, chunks, pieces;
} share;

static void run_piece(void *data)
{
    const share *s = data;
    /* The pool may grant fewer threads than were asked for. */
    for (int64_t piece = omp_get_thread_num(); piece < s->pieces; piece += omp_get_num_threads()) {
        int64_t first = s->chunks * piece / s->pieces * s->grain;
        int64_t last = s->chunks * (piece + 1) / s->pieces * s->grain;
        s->body(s->ctx, first, last < s->n ? last : s->n);
    }
}

int parallel_threads(void)
{
    return omp_get_max_threads();
}

void parallel(int64_t n, int64_t grain, parallel_body *body, void *ctx)
{
    if (n <= 0)
        return;
    share s = {.body = body, .ctx = ctx, .n = n, .grain = grain > 0 ? grain : 1};
    s.chunks = (n + s.grain - 1) / s.grain;
    int64_t threads = s.chunks == 1 || omp_in_parallel() ? 1 : omp_get_max_threads();
    s.pieces = threads < s.chunks ? threads : s.chunks;
    if (s.pieces == 1)
        body(ctx, 0, n);
    else
        GOMP_parallel(run_piece, &s, (unsigned)s.pieces, 0);
}
