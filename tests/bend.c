/* bend.c - every backend's plans, second order: the gradient of v . dx against the
 * same layers executed one by one with ref's entries, for every pattern. The
 * judge differentiates batch-norm's way back by the chain rule, step by step in
 * double. */
#include "subject.h"

/* --- what is right --- */

typedef struct bent {
    real *tangent[LAYERS];
    trace q; /* grad: what reached each result on BEND's way back */
    real *dw;
} bent;

static const real *tangent(const bent *b, const real *v, int layer)
{
    return layer < 0 ? v : b->tangent[layer];
}

/* How layer i's result moves. */
static void judge_tangent(bent *b, const trace *t, const real *v, int i)
{
    const bk_layer *l = &t->p->layer[i];
    bk_window g = l->g;
    int64_t size = size_of(t->p, i, t->n), rows = pixels(&g, t->n);
    const real *x = tangent(b, v, l->a), *other = l->b < -1 ? NULL : tangent(b, v, l->b);
    const real *in = result(t, l->a), *stats = t->stats + l->stat;
    real *y = b->tangent[i] = reals(size), *unused = reals(2 * g.k);
    g.n = t->n;
    switch (l->kind) {
    case BK_CONV:
        ref.f->conv_y(ref.b, &g, y, x, t->w + l->weight);
        break;
    case BK_NORM: /* forward is backward */
        ref.f->bn_grad(ref.b, y, unused, unused + g.k, x, in, t->w + l->weight, stats, stats + g.k, rows, g.k,
                       l->eps);
        break;
    case BK_RELU:
        ref.f->within(ref.b, y, x, in, size, 0, (real)1e30);
        break;
    case BK_PLUS:
        ref.f->zip(ref.b, BK_ADD, y, x, other, 1, size, 1);
        break;
    case BK_JOIN:
        ref.f->copy_cols(ref.b, y, g.k, 0, x, g.c, 0, rows, g.c);
        ref.f->copy_cols(ref.b, y, g.k, g.c, other, g.k - g.c, 0, rows, g.k - g.c);
        break;
    case BK_POOL_MAX:
        ref.f->pick(ref.b, y, x, t->at[i], g.n, g.h * g.w * g.c, g.p * g.q * g.k);
        break;
    case BK_POOL_AVG:
        ref.f->pool_avg(ref.b, &g, y, x);
        break;
    case BK_WIDEN:
        memset(y, 0, (size_t)size * sizeof *y);
        widen_pixels(&g, t->n, y, (real *)(uintptr_t)x, 0);
        break;
    }
    free(unused);
}

/* Column c of t . norm_back(g) = gamma r (sum of g t - n mean g mean t - n b c),
 * by way of h = (x - mean) r and r = 1 / sqrt(var + eps): its derivative by gamma;
 * that by x is added to dx. */
static double bend_column(const bk_layer *l, int64_t n, int64_t c, double gamma, real *dx, const real *x,
                          const real *t, const real *g)
{
    int64_t k = l->g.k;
    double mean = 0, var = 0, mt = 0, mg = 0, gt = 0, th = 0, gh = 0, by_r, by_var, by_mean = 0;
    for (int64_t i = c; i < n * k; i += k)
        mean += x[i] / (double)n, mt += t[i] / (double)n, mg += g[i] / (double)n;
    for (int64_t i = c; i < n * k; i += k)
        var += (x[i] - mean) * (x[i] - mean) / (double)n;
    double r = 1 / sqrt(var + (double)l->eps);
    for (int64_t i = c; i < n * k; i += k) {
        double h = (x[i] - mean) * r;
        gt += (double)g[i] * t[i], th += h * t[i] / (double)n, gh += h * g[i] / (double)n;
    }
    double rest = gt - (double)n * (mg * mt + th * gh);
    by_r = gamma * rest;
    for (int64_t i = c; i < n * k; i += k)
        by_r += (x[i] - mean) * -gamma * r * (t[i] * gh + g[i] * th);
    by_var = by_r * -0.5 * r * r * r;
    for (int64_t i = c; i < n * k; i += k) {
        double d = -gamma * r * r * (t[i] * gh + g[i] * th) + 2 * (x[i] - mean) / (double)n * by_var;
        by_mean += d / (double)n;
        dx[i] = (real)d;
    }
    for (int64_t i = c; i < n * k; i += k)
        dx[i] = (real)(dx[i] - by_mean);
    return r * rest;
}

static void judge_bend_layer(bent *b, const trace *t, const real *v, int i)
{
    const bk_layer *l = &t->p->layer[i];
    bk_window g = l->g;
    int64_t taps = g.k * g.r * g.s * g.c;
    const real *x = tangent(b, v, l->a), *arrived = t->grad[i + 1];
    g.n = t->n;
    judge_back(&b->q, i, b->dw);
    if (l->kind == BK_CONV) {
        real *dw = reals(taps);
        ref.f->conv_w(ref.b, &g, dw, x, arrived);
        ref.f->axpy(ref.b, b->dw + l->weight, dw, taps, 1);
        free(dw);
    }
    if (l->kind == BK_NORM) {
        real *dx = reals(size_of(t->p, i, t->n));
        for (int64_t c = 0; c < g.k; c++)
            b->dw[l->weight + c] += (real)bend_column(l, pixels(&g, t->n), c, t->w[l->weight + c], dx,
                                                      result(t, l->a), x, arrived);
        send_back(&b->q, l->a, dx);
        free(dx);
    }
}

/* t: judged forth and back. */
static bent judge_bend(const trace *t, const real *v)
{
    bent b = {.q = *t, .dw = calloc((size_t)t->p->weights, sizeof(real))};
    for (int i = 0; i < t->p->count; i++)
        judge_tangent(&b, t, v, i);
    for (int i = -1; i < t->p->count; i++)
        b.q.grad[i + 1] = calloc((size_t)size_of(t->p, i, t->n), sizeof(real));
    for (int i = t->p->count - 1; i >= 0; i--)
        judge_bend_layer(&b, t, v, i);
    return b;
}

static void bent_free(bent *b)
{
    for (int i = 0; i < LAYERS; i++)
        free(b->tangent[i]);
    for (int i = 0; i <= LAYERS; i++)
        free(i <= b->q.p->count ? b->q.grad[i] : NULL);
    free(b->dw);
}

/* --- what a plan says --- */

typedef struct bending {
    real *slope, *ddy, *dx, *dw;
} bending;

static void bending_free(bending *b)
{
    free(b->slope), free(b->ddy), free(b->dx), free(b->dw);
}

/* `between` runs another slope before the bend; nothing may hide outside of more. */
static bending bends(bk_plan *plan, const subject *s, const row *r, const real *v, const real *before, int with_dx,
                     int between)
{
    int64_t in = size_of(&s->p, -1, r->n), out = size_of(&s->p, s->p.count - 1, r->n);
    session t = trained(plan, s, r);
    array dy = device_array(bytes_of(out), s->dy), dx = device_array(bytes_of(in), NULL);
    array more = device_array(dev.f->plan_more(dev.b, plan), NULL), ddy = device_array(bytes_of(out), NULL);
    array given = device_array(bytes_of(in), v), dw = device_array(bytes_of(s->p.weights), before);
    bending b;
    dev.f->plan_slope(dev.b, plan, inside(&dx), inside(&more), inside(&dy), inside(&t.kept), inside(&t.x),
                      inside(&t.w));
    b.slope = taken(&dx, 0);
    free(taken(&dy, 1)); /* bend does not get it */
    if (between) {
        bending other = bends(plan, s, r, s->x, before, 1, 0);
        bending_free(&other);
    }
    char *kept = taken(&t.kept, 0), *kept_after;
    dev.f->plan_bend(dev.b, plan, inside(&ddy), with_dx ? inside(&dx) : NULL, inside(&dw), inside(&given),
                     inside(&t.kept), inside(&more), inside(&t.x), inside(&t.w));
    b.dx = taken(&dx, 1);
    b.ddy = taken(&ddy, 1);
    b.dw = taken(&dw, 1);
    kept_after = taken(&t.kept, 0);
    assert_memory_equal(kept_after, kept, t.kept.bytes);
    free(kept), free(kept_after), free(taken(&more, 1)), free(taken(&given, 1));
    session_close(&t);
    return b;
}

static double product(const real *a, const real *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void check_row(void **given)
{
    const row *r = *given;
    const rounded none = {NULL, NULL};
    subject s;
    subject_open(&s, r);
    bk_plan *plan = opened(&s, r);
    if (!dev.f->plan_more(dev.b, plan)) {
        dev.f->plan_close(dev.b, plan);
        subject_close(&s);
        skip();
    }
    subject_settle(&s, r);
    int64_t in = size_of(&s.p, -1, r->n), out = size_of(&s.p, s.p.count - 1, r->n);
    real *v = reals(in), *before = reals(s.p.weights), *unused = calloc((size_t)s.p.weights, sizeof *unused);
    for (int64_t i = 0; i < in; i++)
        v[i] = draw();
    for (int64_t i = 0; i < s.p.weights; i++)
        before[i] = -3;
    judge_grad(&s.right, unused, s.dy);
    bent right = judge_bend(&s.right, v);
    bending is = bends(plan, &s, r, v, before, 1, 1), again = bends(plan, &s, r, v, before, 0, 0);
    hold("slope", -1, is.slope, s.right.grad[0], in, r->result);
    hold("ddy", s.p.count - 1, is.ddy, right.tangent[s.p.count - 1], out, r->result);
    assert_true(fabs(product(is.slope, v, in) / product(is.ddy, s.dy, out) - 1) < 1e-3);
    hold("dx", -1, is.dx, right.q.grad[0], in, r->gradient);
    hold_gradients(&s, r, is.dw, right.dw, &none, before);
    assert_memory_equal(again.dw, is.dw, bytes_of(s.p.weights));
    assert_memory_equal(again.ddy, is.ddy, bytes_of(out));
    bending_free(&is), bending_free(&again), bent_free(&right);
    free(v), free(before), free(unused);
    dev.f->plan_close(dev.b, plan);
    subject_close(&s);
}

/* --- the table --- */

static const row rows[] = {
#define BENDS(f, n)                                                                                                \
    {                                                                                                              \
#f " " #n, f, n, BK_TRAIN, 1e-5, 1e-4                                                                      \
    }
    BENDS(cifar, 5), BENDS(wide_resnet18, 16), BENDS(imagenet, 3), BENDS(wrn, 4),       BENDS(densenet, 4),
    BENDS(stage, 3), BENDS(loose, 2),          BENDS(odd, 3),      BENDS(winograd, 17),
};
enum { ROWS = sizeof rows / sizeof *rows };

static int run_backend(const char *name)
{
    struct CMUnitTest tests[ROWS];
    dev = backends_open(name);
    if (!dev.b || !dev.f->plan_more) {
        print_message("%s: %s\n", name, dev.b ? "composes gradients of gradients" : dev.why);
        return 0;
    }
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    int failed = _cmocka_run_group_tests(name, tests, ROWS, NULL, NULL);
    dev.f->close(dev.b);
    return failed;
}

int main(void)
{
    return on_backends("bend", run_backend);
}
