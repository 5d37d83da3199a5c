/* lines.c - what is done to each element by itself: elementwise operations, and
 * a vector meeting an array. A line is a run of elements treated alike; all
 * operations are lines of one signature, and few loops share them out. */
#include <math.h>
#include <string.h>

#include "device.h"
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 16384, TILE = 512 };

/* y from a, v and two numbers, whichever of them the operation has. y may be
 * a or v. */
typedef void line(float *y, const float *a, const float *v, int64_t n, float s, float t);

#define LINE(name, ...)                                                                                            \
    CPU_CLONES static void line_##name(float *y, const float *a, const float *v, int64_t n, float s, float t)      \
    {                                                                                                              \
        (void)a, (void)v, (void)s, (void)t;                                                                        \
        for (int64_t i = 0; i < n; i += LANES) {                                                                   \
            vec r_, A, V;                                                                                          \
            (void)A, (void)V;                                                                                      \
            __VA_ARGS__;                                                                                           \
            vec_put(y + i, &r_, n - i);                                                                            \
        }                                                                                                          \
    }
#define GET(X, x) vec_get(&X, (x) + i, n - i)
#define MAP(name, expression) LINE(name, GET(A, a); r_ = (expression))
#define MEET(name, op) LINE(name, GET(A, a); GET(V, v); r_ = A op V)
#define MEET_ONE(name, op) LINE(name##_one, GET(A, a); r_ = A op s)

LINE(fill, r_ = VEC_ALL(s))
MAP(affine, A *s + t)
LINE(axpy, GET(A, a); GET(V, v); r_ = A + V * s)
MAP(neg, -A)
MAP(abs, (vec)((ivec)A &INT32_MAX))
MAP(sign, VEC_PICK(A > 0.0f, VEC_ALL(1.0f), VEC_PICK(A < 0.0f, VEC_ALL(-1.0f), A)))
MAP(recip, 1.0f / A)
MAP(square, A *A)
LINE(sqrt, GET(A, a); r_ = A; for (int j = 0; j < LANES; j++) r_[j] = sqrtf(r_[j]))
LINE(exp, GET(A, a); vec_exp(&A); r_ = A)
LINE(log, GET(A, a); vec_log(&A); r_ = A)
MAP(clamp, VEC_PICK(A < s, VEC_ALL(s), VEC_PICK(A > t, VEC_ALL(t), A)))
/* a where s < v < t, else 0; the comparison alone would turn a NaN into 0. */
LINE(within, GET(A, a); GET(V, v); r_ = VEC_PICK((A != A) | (V != V), A + V, (vec)((ivec)A &(V > s) & (V < t))))
MEET(add, +)
MEET(sub, -)
MEET(mul, *)
MEET(div, /)
MEET_ONE(add, +)
MEET_ONE(sub, -)
MEET_ONE(mul, *)
MEET_ONE(div, /)
LINE(copy, GET(V, v); r_ = V)

/* --- elementwise --- */

typedef struct work {
    line *run;
    float *y;
    const float *a, *v;
    float s, t;
} work;

static void run_range(void *ctx, int64_t first, int64_t last)
{
    const work *w = ctx;
    w->run(w->y + first, w->a ? w->a + first : NULL, w->v ? w->v + first : NULL, last - first, w->s, w->t);
}

void cpu_fill(bk *b, real *y, int64_t n, real value)
{
    (void)b;
    parallel(n, GRAIN, run_range, &(work){.run = line_fill, .y = y, .s = value});
}

void cpu_affine(bk *b, real *y, const real *x, int64_t n, real scale, real shift)
{
    (void)b;
    parallel(n, GRAIN, run_range, &(work){line_affine, y, x, NULL, scale, shift});
}

void cpu_axpy(bk *b, real *y, const real *x, int64_t n, real scale)
{
    (void)b;
    parallel(n, GRAIN, run_range, &(work){line_axpy, y, y, x, scale, 0});
}

void cpu_map(bk *b, enum bk_map op, real *y, const real *x, int64_t n)
{
    static line *const lines[] = {line_neg, line_abs,  line_sign,  line_exp,
                                  line_log, line_sqrt, line_recip, line_square};
    if (op < BK_NEG || op > BK_SQUARE)
        CPU_DIE(b, "map: no operation %d", (int)op);
    parallel(n, GRAIN, run_range, &(work){.run = lines[op], .y = y, .a = x});
}

void cpu_clamp(bk *b, real *y, const real *x, int64_t n, real lo, real hi)
{
    (void)b;
    parallel(n, GRAIN, run_range, &(work){line_clamp, y, x, NULL, lo, hi});
}

void cpu_within(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi)
{
    (void)b;
    parallel(n, GRAIN, run_range, &(work){line_within, y, v, r, lo, hi});
}

/* --- a vector meets an array --- */

/* line: with an array of its own extents; one: with a single number. */
typedef struct meeting {
    line *run, *one;
    float *y;
    const float *a, *v;
    int64_t mid, inner;
} meeting;

/* Row r of inner elements, all of which meet the same one of v. */
static void run_rows(void *ctx, int64_t first, int64_t last)
{
    const meeting *m = ctx;
    for (int64_t r = first; r < last; r++)
        m->one(m->y + r * m->inner, m->a ? m->a + r * m->inner : NULL, NULL, m->inner, m->v[r % m->mid], 0);
}

/* Row r of mid elements, each of which meets its own of v. */
static void run_columns(void *ctx, int64_t first, int64_t last)
{
    const meeting *m = ctx;
    for (int64_t r = first; r < last; r++)
        m->run(m->y + r * m->mid, m->a ? m->a + r * m->mid : NULL, m->v, m->mid, 0, 0);
}

/* Short rows meet repetitions of v, several rows at a time. */
static void meet_columns(const meeting *m, int64_t rows)
{
    meeting wide = *m;
    float tile[TILE];
    int64_t copies = TILE / m->mid, tiled = copies < 2 ? 0 : rows / copies;
    if (tiled > 0) {
        for (int64_t i = 0; i < copies; i++)
            memcpy(tile + i * m->mid, m->v, (size_t)m->mid * sizeof *tile);
        wide.v = tile;
        wide.mid = copies * m->mid;
        parallel(tiled, GRAIN / wide.mid, run_columns, &wide);
        wide = *m;
        wide.y += tiled * copies * m->mid;
        wide.a = m->a ? m->a + tiled * copies * m->mid : NULL;
        rows -= tiled * copies;
    }
    if (m->mid < 4 * GRAIN) {
        parallel(rows, GRAIN / m->mid, run_columns, &wide);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        parallel(m->mid, GRAIN, run_range,
                 &(work){m->run, m->y + r * m->mid, m->a ? m->a + r * m->mid : NULL, m->v, 0, 0});
}

static void meet_rows(const meeting *m, int64_t rows)
{
    meeting all = *m;
    if (m->inner < 4 * GRAIN) {
        parallel(rows, GRAIN / m->inner, run_rows, &all);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        parallel(
            m->inner, GRAIN, run_range,
            &(work){m->one, m->y + r * m->inner, m->a ? m->a + r * m->inner : NULL, NULL, m->v[r % m->mid], 0});
}

static void meet(const meeting *m, int64_t outer)
{
    if (outer <= 0 || m->mid <= 0 || m->inner <= 0)
        return;
    if (m->inner == 1 && m->mid > 1)
        meet_columns(m, outer);
    else if (m->mid == 1) /* one number for all: one long row */
        meet_rows(&(meeting){m->run, m->one, m->y, m->a, m->v, 1, outer * m->inner}, 1);
    else
        meet_rows(m, outer * m->mid);
}

void cpu_zip(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
             int64_t inner)
{
    static line *const lines[] = {line_add, line_sub, line_mul, line_div};
    static line *const ones[] = {line_add_one, line_sub_one, line_mul_one, line_div_one};
    if (op < BK_ADD || op > BK_DIV)
        CPU_DIE(b, "zip: no operation %d", (int)op);
    meet(&(meeting){lines[op], ones[op], y, a, v, mid, inner}, outer);
}

void cpu_spread(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner)
{
    (void)b;
    meet(&(meeting){line_copy, line_fill, y, NULL, v, mid, inner}, outer);
}

/* --- the optimiser --- */

typedef struct step {
    float *w, *velocity;
    const float *grad;
    float rate, momentum, decay;
    int nesterov;
} step;

CPU_CLONES static void sgd_range(void *ctx, int64_t first, int64_t last)
{
    const step *s = ctx;
    for (int64_t i = first; i < last; i += LANES) {
        vec w, v, g;
        vec_get(&w, s->w + i, last - i);
        vec_get(&v, s->velocity + i, last - i);
        vec_get(&g, s->grad + i, last - i);
        g = g + s->decay * w;
        v = s->momentum * v + g;
        vec_put(s->velocity + i, &v, last - i);
        if (s->nesterov)
            v = s->momentum * v + g;
        w = w - s->rate * v;
        vec_put(s->w + i, &w, last - i);
    }
}

void cpu_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum, real decay,
             int nesterov)
{
    (void)b;
    parallel(n, GRAIN, sgd_range, &(step){w, velocity, grad, rate, momentum, decay, nesterov});
}
