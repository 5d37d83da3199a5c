/* tsne.c - t-SNE part by part: affinities against a plain computation, gradients
 * against differences and against each other, then whole layouts: what belongs
 * together stays together, the same bytes for any threads, and odd input. */
#include "../harness/tsne.h"
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/forces.h"
#include "../harness/gap.h"
#include "../harness/quadtree.h"
#include "../kernels/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *normals(int64_t n, double scale, uint64_t seed)
{
    double *x = pool_host((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = scale * (double)random_normal(seed, (uint64_t)i);
    return x;
}

/* --- Affinities --- */

/* x is [d][n]. */
static double squared(const double *x, int64_t n, int64_t d, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t k = 0; k < d; k++)
        sum += (x[k * n + i] - x[k * n + j]) * (x[k * n + i] - x[k * n + j]);
    return sum;
}

/* p[j] = p_j|i at a width; its perplexity. */
static double choice(double *p, const double *x, int64_t n, int64_t d, int64_t i, double beta)
{
    double sum = 0, entropy = 0;
    for (int64_t j = 0; j < n; j++)
        sum += p[j] = j == i ? 0 : exp(-beta * squared(x, n, d, i, j));
    for (int64_t j = 0; j < n; j++) {
        p[j] /= sum;
        entropy -= p[j] > 0 ? p[j] * log2(p[j]) : 0;
    }
    return exp2(entropy);
}

/* All p_j|i, [n][n], the plain way. */
static double *choices(const double *x, int64_t n, int64_t d, double perplexity)
{
    double *p = pool_host((size_t)(n * n) * sizeof *p);
    for (int64_t i = 0; i < n; i++) {
        double low = 1e-9, high = 1e9;
        for (int s = 0; s < 200; s++) {
            double beta = sqrt(low * high);
            *(choice(p + i * n, x, n, d, i, beta) > perplexity ? &low : &high) = beta;
        }
    }
    return p;
}

static void affinities_have_the_perplexity(void **state)
{
    (void)state;
    enum { N = 101, D = 7 };
    double *x = normals(N * D, 3, 1), *p = choices(x, N, D, 12), sum = 0;
    affinity a;
    affinity_of(&a, x, N, D, 12, 1, 2);
    assert_true(a.worst <= 1e-5);
    assert_int_equal(a.crowded, 0);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j < N; j++) {
            double got = (double)a.all[i * a.stride + j], want = (p[i * N + j] + p[j * N + i]) / (2 * N);
            if (!(fabs(got - want) <= 1e-4 * want + 1e-12))
                fail_msg("p of %d and %d is %.9g, not %.9g", (int)i, (int)j, got, want);
            sum += got;
        }
    assert_true(fabs(sum - 1) < 1e-5);
    affinity_free(&a);
    free(x);
    free(p);
}

/* Of the nearest alone: each row's partners are in order and know each other. */
static void nearest_alone_are_symmetric(void **state)
{
    (void)state;
    enum { N = 150, D = 5 };
    double *x = normals(N * D, 1, 2), *p = pool_host((size_t)N * N * sizeof *p), sum = 0;
    affinity a;
    affinity_of(&a, x, N, D, 7.5, 0, 2);
    assert_true(a.worst <= 1e-5);
    for (int64_t i = 0; i < N; i++) {
        assert_true(a.start[i + 1] - a.start[i] >= 22); /* three times the perplexity */
        for (int64_t k = a.start[i]; k < a.start[i + 1]; k++) {
            assert_true(k == a.start[i] || a.some[k].to > a.some[k - 1].to);
            p[i * N + a.some[k].to] = (double)a.some[k].p;
            sum += (double)a.some[k].p;
        }
    }
    assert_true(fabs(sum - 1) < 1e-5);
    for (int64_t i = 0; i < N; i++)
        for (int64_t j = 0; j <= i; j++)
            assert_true(fabs(p[i * N + j] - p[j * N + i]) <= 1e-6 * p[i * N + j] && (i != j || p[i * N + j] == 0));
    affinity_free(&a);
    free(x);
    free(p);
}

/* --- Forces --- */

static double kernel(const double *at, int64_t i, int64_t j)
{
    double dx = at[2 * i] - at[2 * j], dy = at[2 * i + 1] - at[2 * j + 1];
    return 1 / (1 + dx * dx + dy * dy);
}

/* Sum of p log(p / q), as it is written. */
static double divergence(const affinity *a, const double *at)
{
    double all = 0, sum = 0;
    for (int64_t i = 0; i < a->n; i++)
        for (int64_t j = 0; j < a->n; j++)
            all += i == j ? 0 : kernel(at, i, j);
    for (int64_t i = 0; i < a->n; i++)
        for (int64_t j = 0; j < a->n; j++) {
            double p = (double)a->all[i * a->stride + j];
            sum += p > 0 ? p * log(p / (kernel(at, i, j) / all)) : 0;
        }
    return sum;
}

static void gradient_is_that_of_the_divergence(void **state)
{
    (void)state;
    enum { N = 37, D = 4 };
    const double h = 1e-4;
    double *x = normals(N * D, 1, 3), *at = normals(2 * N, 2, 4), g[2 * N];
    affinity a;
    affinity_of(&a, x, N, D, 6, 1, 1);
    forces *f = forces_new(&a, 2);
    assert_true(fabs(forces_divergence(f, at) - divergence(&a, at)) < 1e-5);
    forces_gradient(f, at, 1, g);
    for (int i = 0; i < 2 * N; i++) {
        double was = at[i];
        at[i] = was + h;
        double above = divergence(&a, at);
        at[i] = was - h;
        double want = (above - divergence(&a, at)) / (2 * h);
        at[i] = was;
        if (!(fabs(g[i] - want) <= 1e-4 * fabs(want) + 1e-6))
            fail_msg("coordinate %d: the gradient is %.9g, differences say %.9g", i, g[i], want);
    }
    forces_free(f);
    affinity_free(&a);
    free(x);
    free(at);
}

/* The same p, with all pairs. */
static affinity spelt_out(const affinity *a)
{
    affinity b = {.n = a->n, .stride = a->stride};
    b.all = pool_host((size_t)(b.n * b.stride) * sizeof *b.all);
    for (int64_t i = 0; i < a->n; i++)
        for (int64_t k = a->start[i]; k < a->start[i + 1]; k++)
            b.all[i * b.stride + a->some[k].to] = a->some[k].p;
    return b;
}

static void the_tree_is_near_the_exact_gradient(void **state)
{
    (void)state;
    enum { N = 1200, D = 3 };
    double *x = normals(N * D, 1, 5), *at = normals(2 * N, 20, 6), *g = normals(2 * N, 0, 0),
           *e = normals(2 * N, 0, 0);
    double error = 0, length = 0;
    affinity a;
    affinity_of(&a, x, N, D, 10, 0, 0);
    affinity b = spelt_out(&a);
    forces *tree = forces_new(&a, 0), *exact = forces_new(&b, 0);
    forces_gradient(tree, at, 1, g);
    forces_gradient(exact, at, 1, e);
    for (int i = 0; i < 2 * N; i++) {
        error += (g[i] - e[i]) * (g[i] - e[i]);
        length += e[i] * e[i];
    }
    if (!(sqrt(error / length) < 0.02))
        fail_msg("the gradients differ by %.3g of their length", sqrt(error / length));
    assert_true(fabs(forces_divergence(tree, at) - forces_divergence(exact, at)) < 0.01);
    forces_free(tree);
    forces_free(exact);
    affinity_free(&a);
    affinity_free(&b);
    free(x);
    free(at);
    free(g);
    free(e);
}

/* With an angle of zero no square counts as a point: nothing may be lost. */
static void squares_hold_every_point(void **state)
{
    (void)state;
    enum { N = 500 };
    double *at = normals(2 * N, 1, 7);
    for (int i = 0; i < 100; i++) /* many at one place: no square is small enough to part them */
        memcpy(at + 2 * i, at, 2 * sizeof *at);
    quadtree *t = quadtree_new(N);
    quadtree_build(t, at);
    for (int64_t i = 0; i < N; i += 7) {
        double force[2], want[3] = {0, 0, 0};
        double sum = quadtree_repulsion(t, at + 2 * i, 0, force);
        for (int64_t j = 0; j < N; j++) {
            double w = kernel(at, i, j);
            want[0] += w * w * (at[2 * i] - at[2 * j]);
            want[1] += w * w * (at[2 * i + 1] - at[2 * j + 1]);
            want[2] += w;
        }
        assert_true(fabs(force[0] - want[0]) < 1e-9 && fabs(force[1] - want[1]) < 1e-9);
        assert_true(fabs(sum - want[2]) < 1e-9);
    }
    quadtree_free(t);
    free(at);
}

/* --- Layouts --- */

enum { CLUSTERS = 6, WIDTH = 12, POINTS = 360 };

/* Gaussians, their centres five deviations of a coordinate apart and more. */
static float *clusters(void)
{
    float *x = pool_host((size_t)POINTS * WIDTH * sizeof *x);
    for (int i = 0; i < POINTS * WIDTH; i++)
        x[i] = random_normal(8, (uint64_t)i) + (i % WIDTH == i / WIDTH % CLUSTERS ? 6 : 0);
    return x;
}

static int next_to(const double *at, int i)
{
    int near = i == 0;
    for (int j = 0; j < POINTS; j++)
        near = j != i && kernel(at, i, j) > kernel(at, i, near) ? j : near;
    return near;
}

/* How many points have one of their own cluster next to them. */
static int pure(const double *at)
{
    int n = 0;
    for (int i = 0; i < POINTS; i++)
        n += next_to(at, i) % CLUSTERS == i % CLUSTERS;
    return n;
}

static tsne_options usual(int64_t exact, int threads)
{
    tsne_options o = TSNE_USUAL;
    o.exact = exact;
    o.threads = threads;
    o.perplexity = 15;
    o.steps = 400;
    return o;
}

/* Exact, and with the tree. */
static void clusters_stay_apart(void **state)
{
    (void)state;
    float *x = clusters();
    double at[2 * POINTS];
    for (int64_t exact = 0; exact <= POINTS; exact += POINTS) {
        tsne_options o = usual(exact, 0);
        tsne_fit fit;
        assert_int_equal(tsne(at, &fit, x, POINTS, WIDTH, &o), 0);
        assert_true(pure(at) >= POINTS * 98 / 100);
        assert_true(fit.divergence > 0 && fit.divergence < 1);
    }
    free(x);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    float *x = clusters();
    double first[2 * POINTS], at[2 * POINTS];
    for (int64_t exact = 0; exact <= POINTS; exact += POINTS)
        for (int threads = 1; threads <= 5; threads += 2) {
            tsne_options o = usual(exact, threads);
            tsne_fit fit;
            o.steps = 60;
            assert_int_equal(tsne(threads == 1 ? first : at, &fit, x, POINTS, WIDTH, &o), 0);
            if (threads > 1)
                assert_memory_equal(first, at, sizeof at);
        }
    free(x);
}

/* A quarter of the points is one and the same, more often than the perplexity. */
static void copies_stay_together(void **state)
{
    (void)state;
    float *x = clusters();
    double at[2 * POINTS];
    for (int i = 1; i < POINTS / 4; i++)
        memcpy(x + i * WIDTH, x, WIDTH * sizeof *x);
    for (int64_t exact = 0; exact <= POINTS; exact += POINTS) {
        tsne_options o = usual(exact, 0);
        tsne_fit fit;
        assert_int_equal(tsne(at, &fit, x, POINTS, WIDTH, &o), 0);
        assert_int_equal(fit.crowded, POINTS / 4);
        for (int i = 0; i < 2 * POINTS; i++)
            assert_true(isfinite(at[i]));
        for (int i = 0; i < POINTS / 4; i++)
            assert_true(next_to(at, i) < POINTS / 4);
    }
    free(x);
}

static void a_line_gets_a_second_dimension(void **state)
{
    (void)state;
    float x[200];
    double at[2][400], width = 0;
    for (int i = 0; i < 200; i++)
        x[i] = (float)i;
    for (uint64_t seed = 0; seed < 2; seed++) {
        tsne_options o = usual(TSNE_EXACT, 0);
        tsne_fit fit;
        o.seed = seed;
        assert_int_equal(tsne(at[seed], &fit, x, 200, 1, &o), 0);
    }
    for (int i = 0; i < 200; i++)
        width = fmax(width, fabs(at[0][2 * i + 1]));
    assert_true(width > 1);
    assert_memory_not_equal(at[0], at[1], sizeof at[0]);
}

/* --- Refusals --- */

static void refused(const float *x, int64_t n, int64_t d, double perplexity, const char *why)
{
    double *at = pool_host((size_t)n * 2 * sizeof *at);
    tsne_options o = usual(TSNE_EXACT, 1);
    tsne_fit fit;
    o.perplexity = perplexity;
    assert_int_equal(tsne(at, &fit, x, n, d, &o), -1);
    if (!strstr(fault_text(), why))
        fail_msg("expected `%s` in: %s", why, fault_text());
    free(at);
}

static void what_cannot_be_drawn_is_refused(void **state)
{
    (void)state;
    float *x = clusters(), *same = pool_host((size_t)POINTS * sizeof *same);
    refused(x, 90, WIDTH, 30, "more than 90 points, there are 90");
    refused(x, 90, WIDTH, 1, "from 2 on");
    refused(x, 90, WIDTH, NAN, "from 2 on");
    refused(same, POINTS, 1, 15, "all 360 points are the same");
    x[17 * WIDTH + 3] = NAN;
    refused(x, POINTS, WIDTH, 15, "sample 18 of 360");
    free(x);
    free(same);
}

/* --- Distances between samples --- */

/* |0-3| |0-5| |2-3| |2-5| are 3 on average; within both, 0 2 2 0 are 1. */
static void gaps_by_hand(void **state)
{
    (void)state;
    const float x[] = {0, 2}, y[] = {3, 5}, plane[] = {0, 0}, far[] = {3, 4};
    gap g = gap_between(x, 2, y, 2, 1, 3);
    assert_true(g.centroid == 3 && g.within == 1 && g.energy == 4 && fabs(g.share - 4.0 / 6) < 1e-12);
    g = gap_between(plane, 1, far, 1, 2, 1);
    assert_true(g.centroid == 5 && g.within == 0 && g.energy == 10 && g.share == 1);
    g = gap_between(x, 2, x, 2, 1, 1);
    assert_true(g.centroid == 0 && g.energy == 0 && g.share == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affinities_have_the_perplexity),
        cmocka_unit_test(nearest_alone_are_symmetric),
        cmocka_unit_test(gradient_is_that_of_the_divergence),
        cmocka_unit_test(the_tree_is_near_the_exact_gradient),
        cmocka_unit_test(squares_hold_every_point),
        cmocka_unit_test(clusters_stay_apart),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(copies_stay_together),
        cmocka_unit_test(a_line_gets_a_second_dimension),
        cmocka_unit_test(what_cannot_be_drawn_is_refused),
        cmocka_unit_test(gaps_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
