/* pool.cu - pooling of channels-last images, forward and back. Memory bounds it:
 * every value is read once from there and written once, what windows share comes
 * from the caches. A block has a row of pixels, a thread some channels of one.
 *
 * Nothing is scattered: on the way back each pixel looks at the windows that hold
 * it. Indices that point elsewhere, as a method may have them, are noticed, and
 * their image is done again in the order of the indices. */
#include "pool.h"

#include "pack.h"

enum {
    THREADS = 256, /* at most */
    BLOCKS = 32,   /* a processor, at most */
    WARPS = 4,     /* of a block whose warps work for themselves */
    LARGE = 16,    /* pixels of an image worth a warp */
    MOST = INT32_MAX
};

typedef struct pool_job {
    bk_window g;
    void *to;
    const void *from;
    int32_t *winners;
    const int32_t *at;
    unsigned *stray; /* one per image: set when an index points out of its window; NULL: they do not */
    cuda_complaint *complaint;
} pool_job;

/* Pixels: rows top .. bottom - 1, columns left .. right - 1. */
typedef struct area {
    int top, bottom, left, right;
} area;

/* The part of window (p, q) that is inside the image. */
static __device__ __forceinline__ area window_at(const bk_window &g, int p, int q)
{
    int top = p * g.stride - g.pad, left = q * g.stride - g.pad, h = (int)g.h, w = (int)g.w;
    area a = {top > 0 ? top : 0, top + g.r < h ? top + g.r : h, left > 0 ? left : 0,
              left + g.s < w ? left + g.s : w};
    return a;
}

/* Along one side: outputs first .. last - 1 have i in their windows. */
static __device__ __forceinline__ void held_by(int i, int window, int stride, int pad, int extent, int *first,
                                               int *last)
{
    int low = i + pad - window + 1, end = (i + pad) / stride + 1;
    *first = low > 0 ? (low + stride - 1) / stride : 0;
    *last = end < extent ? end : extent;
}

/* The outputs whose windows hold pixel (i, j). */
static __device__ __forceinline__ area windows_over(const bk_window &g, int i, int j)
{
    area a;
    held_by(i, g.r, g.stride, g.pad, (int)g.p, &a.top, &a.bottom);
    held_by(j, g.s, g.stride, g.pad, (int)g.q, &a.left, &a.right);
    return a;
}

/* A thread's work: V channels from c on of one pixel, in lines of `pixels`. */
typedef struct place {
    int64_t image;
    int row, col, c;
} place;

static __device__ __forceinline__ place place_of(int64_t line, int64_t rows, int t, int across, int V)
{
    place at = {line / rows, (int)(line % rows), t / across, t % across * V};
    return at;
}

#define EACH_PLACE(at, g, rows, cols, V)                                                                           \
    for (int64_t line = blockIdx.x; line < (g).n * (rows); line += gridDim.x)                                      \
        for (int t = (int)threadIdx.x, across = (int)(g).c / (V); t < (int)(cols)*across; t += blockDim.x)         \
            if (place at = place_of(line, rows, t, across, V); 1)

/* --- Forward --- */

template <class T, class U, int V> static __global__ void __launch_bounds__(THREADS) max_kernel(pool_job j)
{
    const bk_window &g = j.g;
    EACH_PLACE(o, g, g.p, g.q, V)
    {
        const T *image = (const T *)j.from + o.image * g.h * g.w * g.c;
        area a = window_at(g, o.row, o.col);
        int start = (int)((a.top * g.w + a.left) * g.c) + o.c, winner[V];
        float best[V], v[V];
        get_wide(best, image + start);
        for (int k = 0; k < V; k++)
            winner[k] = start + k;
        for (int y = a.top; y < a.bottom; y++)
            for (int x = a.left; x < a.right; x++) {
                int here = (int)((y * g.w + x) * g.c) + o.c;
                get_wide(v, image + here);
                for (int k = 0; k < V; k++)
                    if (v[k] > best[k] || (v[k] != v[k] && best[k] == best[k])) {
                        best[k] = v[k];
                        winner[k] = here + k;
                    }
            }
        int64_t to = (line * g.q + o.col) * g.c + o.c;
        put_narrow((U *)j.to + to, best);
        if (j.winners)
            put(j.winners + to, winner);
    }
}

/* to = share times the sum over an area of an image `wide_is` pixels wide. */
template <class T, class U, int V>
static __device__ __forceinline__ void sum_area(U *to, const T *from, const area &a, int64_t wide_is,
                                                int64_t channels, float share)
{
    float sum[V] = {}, v[V];
    for (int y = a.top; y < a.bottom; y++) {
        float row[V] = {};
        for (int x = a.left; x < a.right; x++) {
            get_wide(v, from + (y * wide_is + x) * channels);
            for (int k = 0; k < V; k++)
                row[k] += v[k];
        }
        for (int k = 0; k < V; k++)
            sum[k] += row[k];
    }
    for (int k = 0; k < V; k++)
        sum[k] *= share;
    put_narrow(to, sum);
}

template <class T, class U, int V> static __global__ void __launch_bounds__(THREADS) avg_kernel(pool_job j)
{
    const bk_window &g = j.g;
    EACH_PLACE(o, g, g.p, g.q, V)
    sum_area<T, U, V>((U *)j.to + (line * g.q + o.col) * g.c + o.c,
                      (const T *)j.from + o.image * g.h * g.w * g.c + o.c, window_at(g, o.row, o.col), g.w, g.c,
                      1 / ((float)g.r * (float)g.s));
}

/* The window is the image: a warp adds up its pixels, side by side for a few
 * channels, 32 bytes of each. */
template <class T, class U, int V> static __global__ void __launch_bounds__(WARPS *WARP) whole_kernel(pool_job j)
{
    const int lanes = V > 1 ? 2 : 8;
    const bk_window &g = j.g;
    int lane = threadIdx.x % WARP;
    int64_t pixels = g.h * g.w, tiles = (g.c + lanes * V - 1) / (lanes * V);
    for (int64_t i = grid_first() / WARP; i < g.n * tiles; i += grid_step() / WARP) {
        int64_t c = i % tiles * lanes * V + lane % lanes * V;
        const T *from = (const T *)j.from + i / tiles * pixels * g.c + c;
        float sum[V] = {}, v[V];
#pragma unroll 4
        for (int64_t p = lane / lanes; p < pixels && c < g.c; p += WARP / lanes) {
            get_wide(v, from + p * g.c);
            for (int k = 0; k < V; k++)
                sum[k] += v[k];
        }
        for (int k = 0; k < V; k++) {
            for (int d = WARP / 2; d >= lanes; d /= 2)
                sum[k] += __shfl_xor_sync(ALL_LANES, sum[k], d);
            sum[k] /= (float)pixels;
        }
        if (lane < lanes && c < g.c)
            put_narrow((U *)j.to + i / tiles * g.c + c, sum);
    }
}

/* --- Back --- */

template <class T, class U, int V> static __global__ void __launch_bounds__(THREADS) avg_back_kernel(pool_job j)
{
    const bk_window &g = j.g;
    EACH_PLACE(o, g, g.h, g.w, V)
    sum_area<U, T, V>((T *)j.to + (line * g.w + o.col) * g.c + o.c,
                      (const U *)j.from + o.image * g.p * g.q * g.c + o.c, windows_over(g, o.row, o.col), g.q, g.c,
                      1 / ((float)g.r * (float)g.s));
}

/* Whether index `i` is what pool_max may have written for channel c of a window. */
static __device__ __forceinline__ int is_own(const pool_job &j, const area &window, int32_t i, int c)
{
    const bk_window &g = j.g;
    int64_t at = checked(i, g.h * g.w * g.c, IN_POOL_MAX_T, j.complaint);
    int pixel = (int)at / (int)g.c, row = pixel / (int)g.w, col = pixel % (int)g.w;
    return (int)at - pixel * (int)g.c == c && row >= window.top && row < window.bottom && col >= window.left &&
           col < window.right;
}

template <class T, class U, int V> static __global__ void __launch_bounds__(THREADS) max_back_kernel(pool_job j)
{
    const bk_window &g = j.g;
    EACH_PLACE(o, g, g.h, g.w, V)
    {
        int here = (int)((o.row * g.w + o.col) * g.c) + o.c, at[V];
        area over = windows_over(g, o.row, o.col);
        float sum[V] = {}, v[V];
        for (int p = over.top; p < over.bottom; p++)
            for (int q = over.left; q < over.right; q++) {
                int64_t from = ((o.image * g.p + p) * g.q + q) * g.c + o.c;
                get(at, j.at + from);
                get_wide(v, (const U *)j.from + from);
                for (int k = 0; k < V; k++)
                    if (at[k] == here + k)
                        sum[k] += v[k];
                area window = window_at(g, p, q);
                if (j.stray && o.row == window.top && o.col == window.left) /* each index once */
                    for (int k = 0; k < V; k++)
                        if (!is_own(j, window, at[k], o.c + k))
                            j.stray[o.image] = 1;
            }
        put_narrow((T *)j.to + (line * g.w + o.col) * g.c + o.c, sum);
    }
}

/* An image whose indices point anywhere, by one block: THREADS of them at a time,
 * of which the first that points to a place adds up all that do. */
static __global__ void __launch_bounds__(THREADS) anywhere_kernel(pool_job j)
{
    __shared__ int slot[THREADS];
    __shared__ float value[THREADS];
    int64_t in = j.g.h * j.g.w * j.g.c, out = j.g.p * j.g.q * j.g.c;
    int t = (int)threadIdx.x;
    for (int64_t n = blockIdx.x; n < j.g.n; n += gridDim.x) {
        if (!j.stray[n])
            continue;
        float *to = (float *)j.to + n * in;
        for (int64_t i = t; i < in; i += THREADS)
            to[i] = 0;
        for (int64_t first = 0; first < out; first += THREADS) {
            int64_t i = n * out + first + t;
            int have = out - first < THREADS ? (int)(out - first) : THREADS, before = t < have ? 0 : 1;
            slot[t] = t < have ? (int)checked(j.at[i], in, IN_POOL_MAX_T, j.complaint) : -1;
            value[t] = t < have ? ((const float *)j.from)[i] : 0;
            __syncthreads();
            for (int u = 0; u < t; u++)
                before |= slot[u] == slot[t];
            double sum = before ? 0 : to[slot[t]];
            for (int u = t; u < have && !before; u++)
                sum += slot[u] == slot[t] ? value[u] : 0;
            if (!before)
                to[slot[t]] = (float)sum;
            __syncthreads();
        }
        if (t == 0)
            j.stray[n] = 0;
    }
}

/* --- Launching --- */

/* Types of the large and the small image, and how many channels move together. */
enum layout { FLOAT_1, FLOAT_4, BF16_1, BF16_4, BF16_8, MIXED_1, MIXED_4, MIXED_8, LAYOUTS };
static const int width_of[LAYOUTS] = {1, 4, 1, 4, 8, 1, 4, 8};
typedef void pool_fn(pool_job);
#define EVERY_LAYOUT(kernel)                                                                                       \
    {                                                                                                              \
        kernel<float, float, 1>, kernel<float, float, 4>, kernel<bf16, bf16, 1>, kernel<bf16, bf16, 4>,            \
            kernel<bf16, bf16, 8>, kernel<bf16, float, 1>, kernel<bf16, float, 4>, kernel<bf16, float, 8>          \
    }
enum action { FORWARD_MAX, FORWARD_AVG, FORWARD_WHOLE, BACK_MAX, BACK_AVG, ACTIONS };
static pool_fn *const kernels[ACTIONS][LAYOUTS] = {EVERY_LAYOUT(max_kernel), EVERY_LAYOUT(avg_kernel),
                                                   EVERY_LAYOUT(whole_kernel), EVERY_LAYOUT(max_back_kernel),
                                                   EVERY_LAYOUT(avg_back_kernel)};

typedef struct pool_call {
    pool_job job;
    int64_t action, layout, any_index;
} pool_call;

static void pool_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    pool_call c = *(const pool_call *)args;
    const bk_window *g = &c.job.g;
    int back = c.action >= BACK_MAX, width = width_of[c.layout];
    int64_t lines = g->n * (back ? g->h : g->p), each = (back ? g->w : g->q) * (g->c / width), most;
    (void)scalars, (void)payload;
    each = (each + WARP - 1) / WARP * WARP;
    each = each < THREADS ? each : (int64_t)THREADS;
    most = (int64_t)b->processors * BLOCKS;
    c.job.complaint = b->complaint_there;
    c.job.stray = c.any_index ? (unsigned *)b->room[ROOM_TURNS] : NULL;
    if (c.action == FORWARD_WHOLE) {
        each = WARPS * WARP;
        lines = g->n * (g->c / width) / WARPS + 1; /* about: warps stride */
    }
    LAUNCH(b, kernels[c.action][c.layout], dim3((unsigned)(lines < most ? lines : most)), dim3((unsigned)each), 0,
           c.job);
    if (c.any_index)
        LAUNCH(b, anywhere_kernel, dim3((unsigned)(g->n < most ? g->n : most)), dim3(THREADS), 0, c.job);
}

/* Whether there is anything to do. */
static int pools(bk *b, const bk_window *g, const char *op)
{
    if (g->k != g->c || g->pad >= g->r || g->pad >= g->s)
        CUDA_DIE(b, "%s: %lld channels to %lld, window %dx%d, pad %d", op, (long long)g->c, (long long)g->k, g->r,
                 g->s, g->pad);
    if (!cuda_window(b, g, op))
        return 0;
    if (g->h * g->w > MOST / g->c)
        CUDA_DIE(b, "%s: images of %lldx%lldx%lld values, at most %d are counted", op, (long long)g->h,
                 (long long)g->w, (long long)g->c, MOST);
    return 1;
}

static int fits(const void *p, size_t bytes)
{
    size_t most = PACK_BYTES;
    return aligned_to(p, bytes < most ? bytes : most);
}

static void enqueue(bk *b, const pool_spec *s, enum action action, const void *large, const void *small,
                    pool_call *c)
{
    const int32_t *at = c->job.winners ? c->job.winners : c->job.at;
    int layout = !s->bf16 ? FLOAT_4 : s->y_f32 ? MIXED_8 : BF16_8;
    size_t large_is = s->bf16 ? sizeof(bf16) : sizeof(float), small_is = s->y_f32 ? sizeof(float) : large_is;
    for (; width_of[layout] > 1; layout--) {
        size_t width = (size_t)width_of[layout];
        if (s->g.c % width_of[layout] == 0 && fits(large, width * large_is) && fits(small, width * small_is) &&
            fits(at, width * sizeof *at))
            break;
    }
    c->job.g = s->g;
    c->action = action;
    c->layout = layout;
    if (c->any_index)
        cuda_need_room(b, ROOM_TURNS, (size_t)s->g.n * sizeof(unsigned));
    ENQUEUE(b, pool_go, *c);
}

/* --- The entries --- */

static void forward(bk *b, const pool_spec *s, void *y, int32_t *at, const void *x, const char *op)
{
    const bk_window *g = &s->g;
    if (!pools(b, g, op))
        return;
    pool_call c = {};
    c.job.to = y, c.job.from = x, c.job.winners = at;
    int whole = g->r == g->h && g->s == g->w && g->pad == 0 && g->h * g->w >= LARGE;
    enqueue(b, s, s->max ? FORWARD_MAX : whole ? FORWARD_WHOLE : FORWARD_AVG, x, y, &c);
}

static void back(bk *b, const pool_spec *s, void *dx, const void *dy, const int32_t *at, int any_index,
                 const char *op)
{
    if (!pools(b, &s->g, op))
        return;
    pool_call c = {};
    c.job.to = dx, c.job.from = dy, c.job.at = at, c.any_index = any_index;
    enqueue(b, s, s->max ? BACK_MAX : BACK_AVG, dx, dy, &c);
}

void pool_forward(bk *b, const pool_spec *s, void *y, int32_t *at, const void *x)
{
    forward(b, s, y, at, x, "pool");
}

void pool_back(bk *b, const pool_spec *s, void *dx, const void *dy, const int32_t *at)
{
    back(b, s, dx, dy, at, 0, "pool");
}

void cuda_pool_max(bk *b, const bk_window *g, real *y, int32_t *at, const real *x)
{
    pool_spec s = {*g, 1, 0, 0};
    forward(b, &s, y, at, x, "pool_max");
}

void cuda_pool_avg(bk *b, const bk_window *g, real *y, const real *x)
{
    pool_spec s = {*g, 0, 0, 0};
    forward(b, &s, y, NULL, x, "pool_avg");
}

void cuda_pool_avg_t(bk *b, const bk_window *g, real *x, const real *y)
{
    pool_spec s = {*g, 0, 0, 0};
    back(b, &s, x, y, NULL, 0, "pool_avg_t");
}

void cuda_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *at)
{
    pool_spec s = {*g, 1, 0, 0};
    back(b, &s, x, y, at, 1, "pool_max_t");
}
