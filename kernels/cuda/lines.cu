/* lines.cu - what is done to each element by itself: elementwise operations, a
 * vector meeting an array, the optimiser. All but the last are one kernel, which
 * moves 16 bytes a thread where the addresses allow. */
#include <math.h>

#include "lines.h"

enum {
    THREADS = 256,
    AHEAD = 2, /* packs that a thread loads before it uses the first */
    WIDE = 4   /* reals of a pack */
};

/* --- Operations: y from a, v and two numbers, whichever it has --- */

#define LINE(name, reads, expression)                                                                              \
    struct name {                                                                                                  \
        enum { READS_A = reads };                                                                                  \
        static __device__ __forceinline__ real of(real a, real v, real s, real t)                                  \
        {                                                                                                          \
            (void)a, (void)v, (void)s, (void)t;                                                                    \
            return expression;                                                                                     \
        }                                                                                                          \
    };

LINE(line_fill, 0, s)
LINE(line_affine, 1, fmaf(s, a, t))
LINE(line_axpy, 1, fmaf(s, v, a))
LINE(line_neg, 1, -a)
LINE(line_abs, 1, fabsf(a))
LINE(line_sign, 1, a > 0 ? 1.0f : a < 0 ? -1.0f : a)
LINE(line_exp, 1, expf(a))
LINE(line_log, 1, logf(a))
LINE(line_sqrt, 1, sqrtf(a))
LINE(line_recip, 1, 1.0f / a)
LINE(line_square, 1, a *a)
LINE(line_clamp, 1, a<s ? s : a> t ? t : a)
/* The comparison alone would turn a NaN into 0. */
LINE(line_within, 1, a != a || v != v ? a + v : s < v && v < t ? a : 0.0f)
LINE(line_add, 1, a + v)
LINE(line_sub, 1, a - v)
LINE(line_mul, 1, a *v)
LINE(line_div, 1, a / v)
LINE(line_copy, 0, v)

/* --- The kernel --- */

/* Where v comes from. The last three: v[mid] meets rows of `inner` elements. */
enum source {
    NONE,
    EQUAL,   /* v[i] */
    SAME,    /* one for all of a pack: inner is a multiple of WIDE, or mid is 1 */
    COLUMNS, /* a pack of v: inner is 1, mid a multiple of WIDE, v aligned */
    WALK     /* element by element */
};

template <int SOURCE, int WIDTH>
static __device__ __forceinline__ pack<real, WIDTH> met(const real *v, int64_t i, spot at, int64_t mid,
                                                        int64_t inner)
{
    if (SOURCE == EQUAL || SOURCE == COLUMNS)
        return fetch<real, WIDTH>(v + (SOURCE == EQUAL ? i * WIDTH : at.row));
    pack<real, WIDTH> p = {};
    for (int w = 0; w < WIDTH && SOURCE != NONE; w++) {
        p.v[w] = v[at.row];
        if (SOURCE == WALK)
            spot_move(&at, {0, 1}, mid, inner);
    }
    return p;
}

/* What is left behind the last whole pack. */
template <class OP, int SOURCE>
static __device__ __forceinline__ void line_one(real *y, const real *a, const real *v, int64_t i, int64_t mid,
                                                int64_t inner, real s, real t)
{
    int64_t from = SOURCE > EQUAL ? spot_of(i, mid, inner).row : i;
    y[i] = OP::of(OP::READS_A ? a[i] : 0, SOURCE == NONE ? 0 : v[from], s, t);
}

/* by: how far a step of the whole grid goes. y may be a or v: each thread reads
 * what it writes before it writes it. */
template <class OP, int SOURCE, int WIDTH>
static __global__ void line(real *y, const real *a, const real *v, int64_t n, int64_t mid, int64_t inner, spot by,
                            scalar first, scalar second)
{
    const real s = scalar_real(first), t = scalar_real(second);
    const int64_t step = grid_step(), packs = n / WIDTH;
    spot at = {0, 0};
    if (SOURCE > EQUAL)
        at = spot_of(grid_first() * WIDTH, mid, inner);
    for (int64_t begin = grid_first(); begin < packs; begin += AHEAD * step) {
        pack<real, WIDTH> x[AHEAD], z[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int64_t i = begin + k * step;
            if (i < packs) {
                if (OP::READS_A)
                    x[k] = fetch<real, WIDTH>(a + i * WIDTH);
                z[k] = met<SOURCE, WIDTH>(v, i, at, mid, inner);
            }
            if (SOURCE > EQUAL)
                spot_move(&at, by, mid, inner);
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int64_t i = begin + k * step;
            for (int w = 0; w < WIDTH && i < packs; w++)
                x[k].v[w] = OP::of(OP::READS_A ? x[k].v[w] : 0, z[k].v[w], s, t);
            if (i < packs)
                store<real, WIDTH>(y + i * WIDTH, x[k]);
        }
    }
    if (WIDTH > 1 && packs * WIDTH + grid_first() < n)
        line_one<OP, SOURCE>(y, a, v, packs * WIDTH + grid_first(), mid, inner, s, t);
}

/* --- Launching --- */

typedef struct line_args line_args;
typedef void line_launch(bk *b, const line_args *p, scalar s, scalar t);

struct line_args {
    line_launch *launch;
    real *y;
    const real *a, *v;
    int64_t n, mid, inner;
    int64_t numbers;
};

template <class OP, int SOURCE, int WIDTH> static void run(bk *b, const line_args *p, scalar s, scalar t)
{
    auto *kernel = line<OP, SOURCE, WIDTH>;
    unsigned grid = blocks_for(b, p->n / WIDTH, THREADS * AHEAD);
    spot by = SOURCE > EQUAL ? spot_of((int64_t)grid * THREADS * WIDTH, p->mid, p->inner) : spot{0, 0};
    LAUNCH(b, kernel, grid, THREADS, 0, p->y, p->a, p->v, p->n, p->mid, p->inner, by, s, t);
}

static int wide(const void *p)
{
    return aligned_to(p, WIDE * sizeof(real)); /* NULL is */
}

template <class OP, int SOURCE> static void launch(bk *b, const line_args *p, scalar s, scalar t)
{
    if (wide(p->y) && wide(p->a) && wide(p->v))
        run<OP, SOURCE, WIDE>(b, p, s, t);
    else
        run<OP, SOURCE, 1>(b, p, s, t);
}

template <class OP> static void launch_meeting(bk *b, const line_args *p, scalar s, scalar t)
{
    if (p->n == p->mid)
        launch<OP, EQUAL>(b, p, s, t);
    else if (!wide(p->y) || !wide(p->a))
        run<OP, WALK, 1>(b, p, s, t);
    else if (p->mid == 1 || p->inner % WIDE == 0)
        run<OP, SAME, WIDE>(b, p, s, t);
    else if (p->inner == 1 && p->mid % WIDE == 0 && wide(p->v))
        run<OP, COLUMNS, WIDE>(b, p, s, t);
    else
        run<OP, WALK, WIDE>(b, p, s, t);
}

static void line_go(bk *b, const void *args, const scalar *scalars, const void *payload)
{
    const line_args *p = (const line_args *)args;
    const scalar none = {NULL, 0};
    (void)payload;
    p->launch(b, p, p->numbers > 0 ? scalars[0] : none, p->numbers > 1 ? scalars[1] : none);
}

static void enqueue(bk *b, const line_args *p, real s, real t)
{
    const uint64_t numbers[] = {scalar_of(s), scalar_of(t)};
    queue_call c = {line_go, p, sizeof *p, numbers, (int)p->numbers, NULL, 0};
    if (p->n > 0)
        queue_add(b, &c);
}

/* --- Elementwise --- */

void cuda_fill(bk *b, real *y, int64_t n, real value)
{
    line_args p = {launch<line_fill, NONE>, y, NULL, NULL, n, 1, 1, 1};
    enqueue(b, &p, value, 0);
}

void cuda_affine(bk *b, real *y, const real *x, int64_t n, real scale, real shift)
{
    line_args p = {launch<line_affine, NONE>, y, x, NULL, n, 1, 1, 2};
    enqueue(b, &p, scale, shift);
}

void cuda_axpy(bk *b, real *y, const real *x, int64_t n, real scale)
{
    line_args p = {launch<line_axpy, EQUAL>, y, y, x, n, 1, 1, 1};
    enqueue(b, &p, scale, 0);
}

void cuda_map(bk *b, enum bk_map op, real *y, const real *x, int64_t n)
{
    static line_launch *const launches[] = {
        launch<line_neg, NONE>, launch<line_abs, NONE>,  launch<line_sign, NONE>,  launch<line_exp, NONE>,
        launch<line_log, NONE>, launch<line_sqrt, NONE>, launch<line_recip, NONE>, launch<line_square, NONE>};
    if (op < BK_NEG || op > BK_SQUARE)
        CUDA_DIE(b, "map: no operation %d", (int)op);
    line_args p = {launches[op], y, x, NULL, n, 1, 1, 0};
    enqueue(b, &p, 0, 0);
}

void cuda_clamp(bk *b, real *y, const real *x, int64_t n, real lo, real hi)
{
    line_args p = {launch<line_clamp, NONE>, y, x, NULL, n, 1, 1, 2};
    enqueue(b, &p, lo, hi);
}

void cuda_within(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi)
{
    line_args p = {launch<line_within, EQUAL>, y, v, r, n, 1, 1, 2};
    enqueue(b, &p, lo, hi);
}

/* --- A vector meets an array --- */

void cuda_zip(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
              int64_t inner)
{
    static line_launch *const launches[] = {launch_meeting<line_add>, launch_meeting<line_sub>,
                                            launch_meeting<line_mul>, launch_meeting<line_div>};
    if (op < BK_ADD || op > BK_DIV)
        CUDA_DIE(b, "zip: no operation %d", (int)op);
    line_args p = {launches[op], y, a, v, outer * mid * inner, mid, inner, 0};
    enqueue(b, &p, 0, 0);
}

void cuda_spread(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner)
{
    line_args p = {launch_meeting<line_copy>, y, NULL, v, outer * mid * inner, mid, inner, 0};
    enqueue(b, &p, 0, 0);
}

/* --- The optimiser --- */

typedef struct sgd_args {
    real *w, *velocity;
    const real *grad;
    int64_t n, nesterov;
} sgd_args;

/* The recipe of PyTorch: decay joins the gradient before the velocity does. */
static __device__ __forceinline__ void sgd_one(real *w, real *velocity, real grad, real rate, real momentum,
                                               real decay, int nesterov)
{
    real g = fmaf(decay, *w, grad), v = fmaf(momentum, *velocity, g);
    *w = fmaf(-rate, nesterov ? fmaf(momentum, v, g) : v, *w);
    *velocity = v;
}

template <int WIDTH>
static __global__ void sgd(real *w, real *velocity, const real *grad, int64_t n, int nesterov, scalar rate_,
                           scalar momentum_, scalar decay_)
{
    const real rate = scalar_real(rate_), momentum = scalar_real(momentum_), decay = scalar_real(decay_);
    const int64_t packs = n / WIDTH, rest = packs * WIDTH + grid_first();
    for (int64_t i = grid_first(); i < packs; i += grid_step()) {
        pack<real, WIDTH> p = fetch<real, WIDTH>(w + i * WIDTH), v = fetch<real, WIDTH>(velocity + i * WIDTH);
        pack<real, WIDTH> g = fetch<real, WIDTH>(grad + i * WIDTH);
        for (int k = 0; k < WIDTH; k++)
            sgd_one(&p.v[k], &v.v[k], g.v[k], rate, momentum, decay, nesterov);
        store<real, WIDTH>(w + i * WIDTH, p);
        store<real, WIDTH>(velocity + i * WIDTH, v);
    }
    if (WIDTH > 1 && rest < n)
        sgd_one(w + rest, velocity + rest, grad[rest], rate, momentum, decay, nesterov);
}

static void sgd_go(bk *b, const void *args, const scalar *s, const void *payload)
{
    const sgd_args *p = (const sgd_args *)args;
    const int width = wide(p->w) && wide(p->velocity) && wide(p->grad) ? WIDE : 1;
    auto *kernel = width == WIDE ? sgd<WIDE> : sgd<1>;
    (void)payload;
    LAUNCH(b, kernel, blocks_for(b, p->n / width, THREADS), THREADS, 0, p->w, p->velocity, p->grad, p->n,
           (int)p->nesterov, s[0], s[1], s[2]);
}

void cuda_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum, real decay,
              int nesterov)
{
    const uint64_t numbers[] = {scalar_of(rate), scalar_of(momentum), scalar_of(decay)};
    sgd_args p = {w, velocity, grad, n, nesterov};
    queue_call c = {sgd_go, &p, sizeof p, numbers, 3, NULL, 0};
    if (n > 0)
        queue_add(b, &c);
}
