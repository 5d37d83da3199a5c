/* plan.c - every backend's plans against the same layers executed one by one
 * with ref's entries: results, batch statistics, gradients; f32 and bfloat16;
 * a small version of every pattern that the networks are made of. */
#include "subject.h"

/* --- evaluation --- */

static real *evaluated(bk_plan *plan, const subject *s, const row *r, uint64_t version)
{
    int64_t in = size_of(&s->p, -1, r->n), out = size_of(&s->p, s->p.count - 1, r->n);
    array x = device_array(bytes_of(in), s->x), y = device_array(bytes_of(out), NULL);
    array w = device_array(bytes_of(s->p.weights), s->w), stats = device_array(bytes_of(s->p.stats), s->stats);
    dev.f->plan_run(dev.b, plan, inside(&y), NULL, inside(&x), inside(&w), inside(&stats), version);
    real *x_after = taken(&x, 1), *w_after = taken(&w, 1), *stats_after = taken(&stats, 1);
    assert_memory_equal(x_after, s->x, bytes_of(in));
    assert_memory_equal(w_after, s->w, bytes_of(s->p.weights));
    assert_memory_equal(stats_after, s->stats, bytes_of(s->p.stats));
    free(x_after);
    free(w_after);
    free(stats_after);
    return taken(&y, 1);
}

static void check_evaluation(const row *r)
{
    subject s;
    real *first = NULL;
    subject_open(&s, r);
    bk_plan *plan = opened(&s, r);
    for (uint64_t version = 1; version < 3; version++) { /* new weights, same plan */
        int last = s.p.count - 1;
        subject_settle(&s, r);
        size_t bytes = bytes_of(size_of(&s.p, last, r->n));
        free(first);
        first = evaluated(plan, &s, r, version);
        hold("y", last, first, s.right.out[last], size_of(&s.p, last, r->n), r->result);
        real *again = evaluated(plan, &s, r, version);
        assert_memory_equal(again, first, bytes);
        free(again);
    }
    dev.f->plan_close(dev.b, plan);
    plan = opened(&s, r);
    real *again = evaluated(plan, &s, r, 2);
    assert_memory_equal(again, first, bytes_of(size_of(&s.p, s.p.count - 1, r->n)));
    free(again);
    free(first);
    dev.f->plan_close(dev.b, plan);
    subject_close(&s);
}

/* --- training --- */

static rounded rounded_gradients(const subject *s, const row *r)
{
    rounded d = {NULL, NULL};
    int64_t in = size_of(&s->p, -1, r->n);
    if (!(r->flags & BK_BF16))
        return d;
    real *x = reals(in), *w = reals(s->p.weights);
    trace t = {.p = &s->p, .n = r->n, .train = 1, .narrow = 1, .w = w, .x = x, .stats = reals(s->p.stats)};
    memcpy(x, s->x, bytes_of(in));
    memcpy(w, s->w, bytes_of(s->p.weights));
    round_off(x, in);
    for (int i = 0; i < s->p.count; i++) {
        const bk_layer *l = &s->p.layer[i];
        if (l->kind == BK_CONV)
            round_off(w + l->weight, l->g.k * l->g.r * l->g.s * l->g.c);
    }
    d = (rounded){calloc((size_t)s->p.weights, sizeof(real)), reals(in)};
    judge(&t);
    judge_grad(&t, d.dw, s->dy);
    memcpy(d.dx, t.grad[0], bytes_of(in));
    trace_free(&t);
    free(t.stats), free(x), free(w);
    return d;
}

static void hold_stats(const subject *s, const row *r, const real *stats)
{
    unsigned char *owned = calloc((size_t)s->p.stats, 1);
    for (int i = 0; i < s->p.count; i++) {
        const bk_layer *l = &s->p.layer[i];
        if (l->kind != BK_NORM)
            continue;
        hold("mean", i, stats + l->stat, s->right.stats + l->stat, l->g.k, r->result);
        hold("variance", i, stats + l->stat + l->g.k, s->right.stats + l->stat + l->g.k, l->g.k, r->result);
        memset(owned + l->stat, 1, (size_t)(2 * l->g.k));
    }
    hold_gaps("stats", stats, s->stats, owned, s->p.stats);
    free(owned);
}

/* dw starts as -3 everywhere. dx may be NULL. */
static real *differentiated(bk_plan *plan, const subject *s, const row *r, session *t, real **dx)
{
    int64_t in = size_of(&s->p, -1, r->n);
    real *start = reals(s->p.weights);
    for (int64_t i = 0; i < s->p.weights; i++)
        start[i] = -3;
    array g = device_array(bytes_of(size_of(&s->p, s->p.count - 1, r->n)), s->dy);
    array back = device_array(bytes_of(in), NULL), dw = device_array(bytes_of(s->p.weights), start);
    free(start);
    dev.f->plan_grad(dev.b, plan, dx ? inside(&back) : NULL, inside(&dw), inside(&g), inside(&t->kept),
                     inside(&t->x), inside(&t->w));
    real *g_after = taken(&g, 1), *dx_after = taken(&back, 1);
    assert_memory_equal(g_after, s->dy, bytes_of(size_of(&s->p, s->p.count - 1, r->n)));
    free(g_after);
    if (dx)
        *dx = dx_after;
    else
        free(dx_after);
    return taken(&dw, 1);
}

/* Two runs, then the gradient of the first, so that nothing may hide outside of
 * `kept`; the second run has other weights. */
static void check_training(const row *r)
{
    subject s, other;
    int64_t in, out;
    subject_open(&s, r);
    subject_settle(&s, r);
    in = size_of(&s.p, -1, r->n);
    out = size_of(&s.p, s.p.count - 1, r->n);
    bk_plan *plan = opened(&s, r);
    session t = trained(plan, &s, r);
    subject_open(&other, r);
    state = 99;
    subject_draw(&other, r);
    session u = trained(plan, &other, r);
    real *y = taken(&t.y, 0), *stats = taken(&t.stats, 0);
    hold("y", s.p.count - 1, y, s.right.out[s.p.count - 1], out, r->result);
    hold_stats(&s, r, stats);
    real *dx, *dw = differentiated(plan, &s, r, &t, &dx), *right = calloc((size_t)s.p.weights, sizeof *right);
    judge_grad(&s.right, right, s.dy);
    real *before = reals(s.p.weights);
    for (int64_t i = 0; i < s.p.weights; i++)
        before[i] = -3;
    rounded rough = rounded_gradients(&s, r);
    hold_gradients(&s, r, dw, right, &rough, before);
    hold("dx", -1, dx, s.right.grad[0], in, allowed(r, rough.dx, s.right.grad[0], in));
    session v = trained(plan, &s, r);
    real *dw_again = differentiated(plan, &s, r, &v, NULL);
    assert_memory_equal(dw_again, dw, bytes_of(s.p.weights));
    session_close(&t);
    session_close(&u);
    session_close(&v);
    free(y), free(stats), free(dx), free(dw), free(right), free(before), free(dw_again);
    free(rough.dw), free(rough.dx);
    dev.f->plan_close(dev.b, plan);
    subject_close(&s);
    subject_close(&other);
}

static void check_row(void **given)
{
    const row *r = *given;
    if (r->flags & BK_TRAIN)
        check_training(r);
    else
        check_evaluation(r);
}

/* --- the table --- */

#define EVAL(f, n)                                                                                                 \
    {#f " " #n, f, n, 0, 2e-6, 0},                                                                                 \
    {                                                                                                              \
#f " bf16 " #n, f, n, BK_BF16, 0.03, 0                                                                     \
    }
#define BOTH(f, n)                                                                                                 \
    EVAL(f, n), {#f " train " #n, f, n, BK_TRAIN, 1e-5, 1e-4},                                                     \
    {                                                                                                              \
#f " train bf16 " #n, f, n, BK_TRAIN | BK_BF16, 0.03, 0.1                                                  \
    }
static const row rows[] = {
    BOTH(cifar, 5), EVAL(cifar, 1),    BOTH(wide_resnet18, 16), BOTH(imagenet, 3),
    BOTH(wrn, 4),   BOTH(densenet, 4), EVAL(densenet, 1),       BOTH(stage, 3),
    BOTH(loose, 2), BOTH(odd, 3),      BOTH(winograd, 17),
};
enum { ROWS = sizeof rows / sizeof *rows };

/* A training step again and again on the same arrays, as a loop has it: a backend
 * may know it again and take a shorter way, with the same bits. */
static void check_repeating(unsigned flags)
{
    const row r = {"repeating", cifar, 2, BK_TRAIN | flags, 0, 0};
    enum { TIMES = 6 };
    subject s;
    real *first[2] = {NULL, NULL};
    subject_open(&s, &r);
    subject_draw(&s, &r);
    bk_plan *plan = opened(&s, &r);
    session t = trained(plan, &s, &r);
    array g = device_array(bytes_of(size_of(&s.p, s.p.count - 1, r.n)), s.dy);
    array back = device_array(bytes_of(size_of(&s.p, -1, r.n)), NULL);
    array dw = device_array(bytes_of(s.p.weights), s.w); /* the gaps keep something */
    for (int i = 0; i < TIMES; i++) {
        dev.f->fill(dev.b, inside(&back), size_of(&s.p, -1, r.n), (real)i);
        dev.f->plan_run(dev.b, plan, inside(&t.y), inside(&t.kept), inside(&t.x), inside(&t.w), inside(&t.stats),
                        0);
        dev.f->plan_grad(dev.b, plan, inside(&back), inside(&dw), inside(&g), inside(&t.kept), inside(&t.x),
                         inside(&t.w));
        real *got[] = {taken(&dw, 0), taken(&back, 0)};
        for (int j = 0; j < 2 && i > 0; j++)
            assert_memory_equal(got[j], first[j], j ? back.bytes : dw.bytes);
        for (int j = 0; j < 2; j++) {
            free(first[j]);
            first[j] = got[j];
        }
    }
    free(first[0]), free(first[1]);
    free(taken(&g, 1)), free(taken(&back, 1)), free(taken(&dw, 1));
    session_close(&t);
    dev.f->plan_close(dev.b, plan);
    subject_close(&s);
}

static void steps_repeat(void **given)
{
    (void)given;
    check_repeating(0);
}

static void steps_repeat_in_bf16(void **given)
{
    (void)given;
    check_repeating(BK_BF16);
}

/* What cannot be planned is refused, not guessed. */
static void refusals(void **given)
{
    pattern p;
    (void)given;
    cifar(&p);
    assert_null(dev.f->plan_open(dev.b, p.layer, p.count, 0, 0));
    assert_null(dev.f->plan_open(dev.b, p.layer, 0, 1, 0));
    p.layer[1].a = 1;
    assert_null(dev.f->plan_open(dev.b, p.layer, p.count, 1, 0));
}

static int run_backend(const char *name)
{
    const struct CMUnitTest others[] = {cmocka_unit_test(steps_repeat), cmocka_unit_test(steps_repeat_in_bf16),
                                        cmocka_unit_test(refusals)};
    enum { OTHERS = sizeof others / sizeof *others };
    struct CMUnitTest tests[ROWS + OTHERS];
    dev = backends_open(name);
    if (!dev.b || !dev.f->plan_open) {
        print_message("%s: %s\n", name, dev.b ? "has no plans" : dev.why);
        return 0;
    }
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    memcpy(tests + ROWS, others, sizeof others);
    int failed = _cmocka_run_group_tests(name, tests, ROWS + OTHERS, NULL, NULL);
    dev.f->close(dev.b);
    return failed;
}

int main(void)
{
    return on_backends("plan", run_backend);
}
