/* norm_job.h - what norm.cu and norm_bend.cu share: a job as its kernels have it,
 * how its columns and rows are handed out, and how its numbers move. */
#ifndef CUDA_NORM_JOB_H
#define CUDA_NORM_JOB_H

#include "norm.h"

#include "pack.h"
#include "tile.h"

enum {
    RESIDENT = 2,    /* blocks of a tile a processor */
    PARTS = 3,       /* sums that a block leaves of each column, at most */
    TURNS = 1 << 16, /* tiles at once */
    EACH = 256       /* threads of a block of the elementwise passes */
};

/* Which values move together. */
enum layout { FLOAT_1, FLOAT_4, BF16_1, BF16_4, BF16_8, LAYOUTS };
static const int width_of[LAYOUTS] = {1, 4, 1, 4, 8};

typedef struct norm_job {
    int64_t rows, cols, layout, relu;
    int64_t across; /* threads side by side in a tile: a power of two */
    void *y;        /* what the elementwise passes write: y, dx */
    void *keep;     /* where the sums leave the masked g, or NULL */
    const void *x, *plus, *g, *added, *cut;
    real *sum[2]; /* mean and variance, or dgamma and dbeta */
    const real *mean, *var, *gamma, *beta;
} norm_job;

/* What norm_apply makes of x: channels first .. first + V - 1. */
template <int V> struct channels {
    float mean[V], rate[V], beta[V];
};

template <int V>
static __device__ __forceinline__ channels<V> channels_of(const norm_job &j, scalar eps, int64_t first)
{
    channels<V> c = {};
    for (int k = 0; k < V && first < j.cols; k++) {
        c.mean[k] = j.mean[first + k];
        c.rate[k] = j.gamma[first + k] / sqrtf(j.var[first + k] + scalar_real(eps));
        c.beta[k] = j.beta ? j.beta[first + k] : 0;
    }
    return c;
}

/* The same operations wherever it is needed: on the way back its sign must be
 * what it was. */
template <int V> static __device__ __forceinline__ float normed(const channels<V> &c, int k, float x)
{
    return fmaf(x - c.mean[k], c.rate[k], c.beta[k]);
}

/* A thread keeps to its columns, so that it computes their numbers once: steps
 * are whole rows. Places count from the end. */
typedef struct walk {
    int64_t at, last, step; /* in values, going down */
    int64_t col;
} walk;

template <int V> static __device__ __forceinline__ walk walk_of(const norm_job &j)
{
    int64_t across = j.cols / V, total = j.rows * across, step = grid_step() / across * across, i = grid_first();
    walk w = {(total - 1 - i) * V, 0, step * V, (across - 1 - i % across) * V};
    w.at = i < step ? w.at : -1;
    return w;
}

/* Blocks for the sums: tiles, and how many share the rows of each. */
static inline dim3 tiles_of(const bk *b, const norm_job *j)
{
    int64_t columns = j->across * width_of[j->layout], down = TILE_THREADS / j->across;
    int64_t tiles = (j->cols + columns - 1) / columns, most = (j->rows + down - 1) / down;
    int64_t parts = (int64_t)b->processors * RESIDENT / tiles;
    return dim3((unsigned)tiles, (unsigned)(parts < 1 ? 1 : parts < most ? parts : most), 1);
}

/* Enough that one step is a row at least. */
static inline unsigned each_of(const bk *b, const norm_job *j, int64_t ahead)
{
    int64_t across = j->cols / width_of[j->layout], least = (across + EACH - 1) / EACH;
    unsigned blocks = blocks_for(b, j->rows * across, EACH * ahead);
    return blocks < least ? (unsigned)least : blocks;
}

/* The widest layout that the extents and all addresses allow. */
static inline void set_layout(norm_job *j, int is_bf16, const void *const *images, int count)
{
    j->layout = is_bf16 ? BF16_8 : FLOAT_4;
    for (int fits = 0; !fits; j->layout -= !fits) {
        size_t bytes = (size_t)width_of[j->layout] * (is_bf16 ? sizeof(bf16) : sizeof(float));
        fits = j->cols % width_of[j->layout] == 0;
        for (int i = 0; i < count; i++)
            fits = fits && aligned_to(images[i], bytes);
    }
    for (j->across = 1; j->across * width_of[j->layout] < j->cols && j->across * width_of[j->layout] < COLUMNS;)
        j->across *= 2;
}

static inline void need_rooms(bk *b, const norm_job *j)
{
    dim3 blocks = tiles_of(b, j);
    if (blocks.x > TURNS)
        CUDA_DIE(b, "bn: %lld columns, at most %d", (long long)j->cols, TURNS);
    cuda_need_room(b, ROOM_SUMS, (size_t)blocks.x * blocks.y * PARTS * COLUMNS * sizeof(float));
    cuda_need_room(b, ROOM_TURNS, TURNS * sizeof(unsigned));
}

static inline void norm_enqueue(bk *b, queue_go *go, const norm_job *j, real eps)
{
    uint64_t number = scalar_of(eps);
    queue_call c = {go, j, sizeof *j, &number, 1, NULL, 0};
    queue_add(b, &c);
}

#endif
