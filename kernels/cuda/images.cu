/* images.cu - bytes to normalised images, and random numbers; to the bit what ref
 * makes of them, which holds when no multiply-add is contracted (-fmad=false).
 * Images from the host travel in slices, so that each fits what a call takes
 * along; one that is too large for that is first put together on the card. */
#include <limits.h>

#include "../random.h"
#include "pack.h"

enum { THREADS = 256, WIDTH = 4, BLOCKS = 16, GRID_HEIGHT = 65535 };

/* --- Images --- */

enum source { PAYLOAD, STORE, ROOM };

typedef struct image_job {
    real *x;
    const uint8_t *px;    /* STORE: all of them; else filled in when its turn comes */
    const int32_t *moves; /* NULL: none. STORE: four numbers each, the first is which */
    int64_t n, h, w, c;
    int64_t stored, source, moved;
    const real *mean, *dev;
    cuda_complaint *complaint;
} image_job;

/* Value `k` (a column and a channel) of row i of an image. */
static __device__ __forceinline__ float value_of(const image_job &j, const uint8_t *px, const int *move, int i,
                                                 int k)
{
    int w = (int)j.w, c = (int)j.c, col = k / c, channel = k % c;
    int64_t row = (int64_t)i - move[0], from = (int64_t)(move[2] ? w - 1 - col : col) - move[1];
    int inside = row >= 0 && row < j.h && from >= 0 && from < w;
    double byte = inside ? px[(row * w + from) * c + channel] : 0;
    return (float)((byte / 255.0 - (double)j.mean[channel]) / (double)j.dev[channel]);
}

/* A thread has V neighbouring values of a row; blockIdx.y counts images. */
template <int V> static __global__ void __launch_bounds__(THREADS) image_kernel(image_job j)
{
    int line = (int)(j.w * j.c), packs = (int)j.h * (line / V);
    for (int64_t n = blockIdx.y; n < j.n; n += gridDim.y) {
        int move[3] = {0, 0, 0};
        int64_t which = n;
        const int32_t *said = j.moves ? j.moves + n * (j.source == STORE ? 4 : 3) : NULL;
        if (j.source == STORE)
            which = checked(*said++, j.stored, IN_CUT, j.complaint);
        for (int m = 0; m < 3 && said; m++)
            move[m] = said[m];
        const uint8_t *px = j.px + which * j.h * line;
        for (int64_t t = grid_first(); t < packs; t += grid_step()) {
            int i = (int)t / (line / V), k = (int)t % (line / V) * V;
            float x[V];
            for (int v = 0; v < V; v++)
                x[v] = value_of(j, px, move, i, k + v);
            put(j.x + (n * j.h + i) * line + k, x);
        }
    }
}

static void images_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    image_job j = *(const image_job *)args;
    int64_t line = j.w * j.c, most = (int64_t)b->processors * BLOCKS, tall = GRID_HEIGHT, blocks;
    int wide_is = line % WIDTH == 0 && aligned_to(j.x, PACK_BYTES);
    (void)scalars;
    j.complaint = b->complaint_there;
    if (j.source == STORE)
        j.moves = (const int32_t *)payload;
    else {
        j.px = (const uint8_t *)(j.source == ROOM ? b->room[ROOM_X] : payload);
        j.moves = j.moved ? (const int32_t *)b->room[ROOM_KEYS] : NULL;
    }
    blocks = (j.h * line / (wide_is ? WIDTH : 1) + THREADS - 1) / THREADS;
    dim3 grid((unsigned)(blocks < most ? blocks : most), (unsigned)(j.n < tall ? j.n : tall), 1);
    if (wide_is)
        LAUNCH(b, image_kernel<WIDTH>, grid, dim3(THREADS), 0, j);
    else
        LAUNCH(b, image_kernel<1>, grid, dim3(THREADS), 0, j);
}

typedef struct stage_args {
    int64_t room, at, bytes;
} stage_args;

static void stage_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const stage_args *a = (const stage_args *)args;
    (void)scalars;
    CUDA_DO(b, "stage",
            cudaMemcpyAsync((char *)b->room[a->room] + a->at, payload, (size_t)a->bytes, cudaMemcpyDeviceToDevice,
                            b->stream));
}

/* Enqueues that bytes of the host come to a room. */
static void stage(bk *b, enum cuda_room room, const void *from, int64_t bytes)
{
    int64_t most = (int64_t)queue_room(b);
    for (int64_t at = 0; at < bytes; at += most) {
        stage_args a = {room, at, bytes - at < most ? bytes - at : most};
        queue_call c = {stage_go, &a, sizeof a, NULL, 0, (const char *)from + at, (size_t)a.bytes};
        queue_add(b, &c);
    }
}

/* One slice; moves stay behind in a room, for a call takes one array along. */
static void images_slice(bk *b, image_job *j, const uint8_t *px, const int32_t *moves)
{
    int64_t bytes = j->n * j->h * j->w * j->c;
    j->source = bytes <= (int64_t)queue_room(b) ? PAYLOAD : ROOM;
    j->moved = moves != NULL;
    if (moves)
        stage(b, ROOM_KEYS, moves, j->n * 3 * (int64_t)sizeof *moves);
    if (j->source == ROOM)
        stage(b, ROOM_X, px, bytes);
    queue_call c = {
        images_go, j, sizeof *j, NULL, 0, j->source == ROOM ? NULL : px, (size_t)(j->source == ROOM ? 0 : bytes)};
    queue_add(b, &c);
}

/* Whether there is anything to do. */
static int has_images(bk *b, const char *op, int64_t n, int64_t h, int64_t w, int64_t c)
{
    if (n <= 0 || h <= 0 || w <= 0 || c <= 0)
        return 0;
    if (h > INT_MAX / w || h * w > INT_MAX / c)
        CUDA_DIE(b, "%s: images of %lldx%lldx%lld values, at most %d are counted", op, (long long)h, (long long)w,
                 (long long)c, INT_MAX);
    return 1;
}

void cuda_images(bk *b, real *x, const uint8_t *px, const int32_t *dy_dx_flip, int64_t n, int64_t h, int64_t w,
                 int64_t c, const real *mean, const real *dev)
{
    if (!has_images(b, "images", n, h, w, c))
        return;
    int64_t each = h * w * c, most = (int64_t)queue_room(b) / each, slice = most > 1 ? most : 1;
    cuda_need_room(b, ROOM_KEYS, (size_t)(slice < n ? slice : n) * 3 * sizeof *dy_dx_flip);
    if (most == 0)
        cuda_need_room(b, ROOM_X, (size_t)each);
    for (int64_t at = 0; at < n; at += slice) {
        image_job j = {};
        j.x = x + at * each, j.n = n - at < slice ? n - at : slice;
        j.h = h, j.w = w, j.c = c;
        j.mean = mean, j.dev = dev;
        images_slice(b, &j, px + at * each, dy_dx_flip ? dy_dx_flip + 3 * at : NULL);
    }
}

void cuda_cut(bk *b, real *x, const uint8_t *store, int64_t stored, const int32_t *at_dy_dx_flip, int64_t n,
              int64_t h, int64_t w, int64_t c, const real *mean, const real *dev)
{
    if (!has_images(b, "cut", n, h, w, c))
        return;
    const size_t row = 4 * sizeof *at_dy_dx_flip;
    int64_t slice = (int64_t)(queue_room(b) / row);
    for (int64_t at = 0; at < n; at += slice) {
        image_job j = {};
        j.x = x + at * h * w * c, j.n = n - at < slice ? n - at : slice;
        j.h = h, j.w = w, j.c = c;
        j.px = store, j.stored = stored, j.source = STORE;
        j.mean = mean, j.dev = dev;
        queue_call call = {images_go, &j, sizeof j, NULL, 0, at_dy_dx_flip + 4 * at, (size_t)j.n * row};
        queue_add(b, &call);
    }
}

/* --- Random numbers --- */

typedef struct draws {
    real *y;
    int64_t n, normal;
} draws;

static __global__ void __launch_bounds__(THREADS) uniform_kernel(draws d, scalar seed)
{
    uint64_t bits = scalar_bits(seed);
    for (int64_t i = grid_first(); i < d.n; i += grid_step())
        d.y[i] = random_uniform(bits, (uint64_t)i);
}

static __global__ void __launch_bounds__(THREADS) normal_kernel(draws d, scalar seed)
{
    uint64_t bits = scalar_bits(seed);
    for (int64_t i = grid_first(); i < d.n; i += grid_step())
        d.y[i] = random_normal(bits, (uint64_t)i);
}

static void draws_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const draws *d = (const draws *)args;
    (void)payload;
    LAUNCH(b, (d->normal ? normal_kernel : uniform_kernel), dim3(blocks_for(b, d->n, THREADS)), dim3(THREADS), 0,
           *d, scalars[0]);
}

static void draw(bk *b, real *y, int64_t n, uint64_t seed, int normal)
{
    draws d = {y, n, normal};
    queue_call c = {draws_go, &d, sizeof d, &seed, 1, NULL, 0};
    if (n > 0)
        queue_add(b, &c);
}

void cuda_uniform(bk *b, real *y, int64_t n, uint64_t seed)
{
    draw(b, y, n, seed, 0);
}

void cuda_normal(bk *b, real *y, int64_t n, uint64_t seed)
{
    draw(b, y, n, seed, 1);
}
