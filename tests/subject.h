/* subject.h - a pattern with vectors drawn for it and what is right, opened as a
 * plan of the backend under test, and how far results may be off. */
#ifndef SUBJECT_H
#define SUBJECT_H

#include "judge.h"

#include <setjmp.h>

#include <cmocka.h>

#include "guarded.h"

/* Uniform in -1 .. 1; the state goes on from call to call. */
static uint64_t state;

static real draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (real)((double)(state >> 33) / (double)(1u << 30) - 1);
}

/* Filters of unit gain. Half of the norms' channels are mostly above zero and half
 * mostly below: few ReLU inputs are so near zero that rounding decides. */
static void draw_weights(const pattern *p, real *w, real *stats)
{
    for (int64_t i = 0; i < p->weights; i++)
        w[i] = draw();
    for (int64_t i = 0; i < p->stats; i++)
        stats[i] = (real)(1 + 0.5 * draw());
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        const bk_window *g = &l->g;
        int64_t taps = g->r * g->s * g->c;
        for (int64_t t = 0; l->kind == BK_CONV && t < g->k * taps; t++)
            w[l->weight + t] *= (real)sqrt(3.0 / (double)taps);
        for (int64_t k = 0; l->kind == BK_NORM && k < g->k; k++) {
            w[l->weight + k] = (real)(1 + 0.4 * draw());
            w[l->bias + k] = (real)((k % 2 ? 1.5 : -1.5) + 0.2 * draw());
            stats[l->stat + k] = (real)(0.3 * draw());
        }
    }
}

/* --- comparing --- */

/* The root mean square of the difference, relative to that of what is right. */
static double distance(const real *is, const real *right, int64_t n)
{
    double error = 0, size = 1e-30;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)is[i] - right[i];
        error += d * d;
        size += (double)right[i] * right[i];
    }
    return sqrt(error / size); /* NaN stays NaN */
}

static void hold(const char *what, int layer, const real *is, const real *right, int64_t n, double most)
{
    double d = distance(is, right, n);
    if (getenv("PLAN_VERBOSE"))
        printf("    %-10s %3d %10.3g of %.3g\n", what, layer, d, most);
    if (!(d <= most))
        fail_msg("%s of layer %d: off by %g (relative, root mean square), at most %g allowed", what, layer, d,
                 most);
}

typedef struct row {
    const char *name;
    void (*build)(pattern *p);
    int64_t n;
    unsigned flags;
    double result, gradient; /* errors allowed */
} row;

typedef struct subject { /* a pattern with its vectors */
    pattern p;
    real *w, *stats, *x, *dy;
    trace right;
} subject;

static void subject_draw(subject *s, const row *r)
{
    for (int64_t i = 0; i < size_of(&s->p, -1, r->n); i++)
        s->x[i] = draw();
    for (int64_t i = 0; i < size_of(&s->p, s->p.count - 1, r->n); i++)
        s->dy[i] = draw();
    draw_weights(&s->p, s->w, s->stats);
}

static void subject_open(subject *s, const row *r)
{
    memset(s, 0, sizeof *s);
    r->build(&s->p);
    s->w = reals(s->p.weights);
    s->stats = reals(s->p.stats);
    s->x = reals(size_of(&s->p, -1, r->n));
    s->dy = reals(size_of(&s->p, s->p.count - 1, r->n));
    s->right = (trace){.p = &s->p, .n = r->n, .train = (r->flags & BK_TRAIN) != 0, .w = s->w, .x = s->x};
    state = 1;
}

static void subject_close(subject *s)
{
    trace_free(&s->right);
    free(s->right.stats);
    free(s->w);
    free(s->stats);
    free(s->x);
    free(s->dy);
}

/* Draws anew while some ReLU's input is so near zero that rounding would decide
 * its mask: gradients differ there for no fault of anybody. */
static void subject_settle(subject *s, const row *r)
{
    for (int tries = 0; tries < 20; tries++) {
        trace_free(&s->right);
        free(s->right.stats);
        subject_draw(s, r);
        s->right.stats = reals(s->p.stats);
        memcpy(s->right.stats, s->stats, (size_t)s->p.stats * sizeof(real));
        judge(&s->right);
        if (!s->right.train || s->right.margin > 1e-5)
            return;
    }
}

static size_t bytes_of(int64_t n)
{
    return (size_t)n * sizeof(real);
}

static bk_plan *opened(const subject *s, const row *r)
{
    bk_plan *plan = dev.f->plan_open(dev.b, s->p.layer, s->p.count, r->n, r->flags);
    if (!plan && (r->flags & BK_BF16)) {
        print_message("%s: no bfloat16 here\n", r->name);
        skip();
    }
    if (!plan)
        fail_msg("%s: no plan", r->name);
    return plan;
}

/* --- gradients --- */

/* What belongs to no layer must be as it was. */
static void hold_gaps(const char *what, const real *is, const real *was, const unsigned char *owned, int64_t n)
{
    int gaps = 0;
    for (int64_t i = 0; i < n; i++) {
        if (owned[i])
            continue;
        gaps++;
        if (memcmp(&is[i], &was[i], sizeof *is) != 0)
            fail_msg("%s: element %lld belongs to no layer, yet it changed", what, (long long)i);
    }
    assert_true(gaps >= GAP);
}

/* What rounding every array to bfloat16 costs, in a network executed layer by
 * layer: masks flip where a ReLU's input is near zero, more so the deeper it is,
 * and the gradient of what a later norm takes away is rounding alone. */
typedef struct rounded {
    real *dw, *dx; /* NULL: floats are expected */
} rounded;

/* Three times what rounding costs is allowed: which masks flip is chance. */
static double allowed(const row *r, const real *rough, const real *right, int64_t n)
{
    double most = rough ? 3 * distance(rough, right, n) : 0;
    return most > r->gradient ? most : r->gradient;
}

static void hold_gradient(const char *what, int i, const real *dw, const real *right, const rounded *rough,
                          unsigned char *owned, int64_t at, int64_t n, const row *r)
{
    hold(what, i, dw + at, right + at, n, allowed(r, rough->dw ? rough->dw + at : NULL, right + at, n));
    memset(owned + at, 1, (size_t)n);
}

static void hold_gradients(const subject *s, const row *r, const real *dw, const real *right, const rounded *rough,
                           const real *before)
{
    unsigned char *owned = calloc((size_t)s->p.weights, 1);
    for (int i = 0; i < s->p.count; i++) {
        const bk_layer *l = &s->p.layer[i];
        if (l->kind == BK_CONV)
            hold_gradient("filter", i, dw, right, rough, owned, l->weight, l->g.k * l->g.r * l->g.s * l->g.c, r);
        if (l->kind == BK_NORM)
            hold_gradient("gamma", i, dw, right, rough, owned, l->weight, l->g.k, r);
        if (l->kind == BK_NORM)
            hold_gradient("beta", i, dw, right, rough, owned, l->bias, l->g.k, r);
    }
    hold_gaps("dw", dw, before, owned, s->p.weights);
    free(owned);
}

/* --- a training plan's run --- */

typedef struct session { /* one run whose gradient is to come */
    array x, w, stats, y, kept;
} session;

static session trained(bk_plan *plan, const subject *s, const row *r)
{
    session t;
    t.x = device_array(bytes_of(size_of(&s->p, -1, r->n)), s->x);
    t.w = device_array(bytes_of(s->p.weights), s->w);
    t.stats = device_array(bytes_of(s->p.stats), s->stats);
    t.y = device_array(bytes_of(size_of(&s->p, s->p.count - 1, r->n)), NULL);
    t.kept = device_array(dev.f->plan_bytes(dev.b, plan), NULL);
    dev.f->plan_run(dev.b, plan, inside(&t.y), inside(&t.kept), inside(&t.x), inside(&t.w), inside(&t.stats), 0);
    return t;
}

static void session_close(session *t)
{
    free(taken(&t->x, 1));
    free(taken(&t->w, 1));
    free(taken(&t->stats, 1));
    free(taken(&t->y, 1));
    free(taken(&t->kept, 1));
}

/* Runs `run` with the name of each backend but ref, which is open as the judge;
 * the failures of all, or 1 having said what is not built. */
static inline int on_backends(const char *program, int (*run)(const char *name))
{
    char names[8][32];
    int n = backends_built(names, 8), failed = 0;
    ref = backends_open("ref");
    if (!ref.b || n == 0) {
        fprintf(stderr, "%s: %s\n", program, ref.b ? "no backend but ref is built" : ref.why);
        return 1;
    }
    for (int i = 0; i < n; i++)
        failed += run(names[i]);
    ref.f->close(ref.b);
    return failed;
}

#endif
