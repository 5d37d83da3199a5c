/* nearest.c - the backends' own search of a bank, on banks that a search which
 * rounds or prunes could get wrong: against products and topk of ref, to the bit
 * where the products are whole numbers times a power of two and so the same in
 * any order; else against products in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../kernels/random.h"
#include "backends.h"

static device ref, tested_one;

/* --- Banks and queries: [rows][d], changed in place --- */

typedef struct problem {
    int64_t m, n, d, k;
    float *a, *c; /* whole numbers, at most TOP in size */
} problem;

enum { TOP = 100 }; /* the sum of 1000 products is exact */

static void scale_row(float *row, int64_t d, int exponent)
{
    for (int64_t j = 0; j < d; j++)
        row[j] = ldexpf(row[j], exponent);
}

static void as_they_are(problem *p)
{
    (void)p;
}

static void few_values(problem *p)
{
    for (int64_t i = 0; i < p->n * p->d; i++)
        p->c[i] = p->c[i] > 0 ? 1 : 0;
}

static void all_alike(problem *p)
{
    for (int64_t i = 0; i < p->n * p->d; i++)
        p->c[i] = p->c[i % p->d];
}

static void copies(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        memcpy(p->c + i * p->d, p->c + i % 30 * p->d, (size_t)p->d * sizeof *p->c);
}

static void around_the_query(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        for (int64_t j = 0; j < p->d; j++)
            p->c[i * p->d + j] = p->a[i % p->m * p->d + j] + (float)((i + j) % 3);
}

static void one_large_column(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        p->c[i * p->d] *= 128;
}

/* Beside which the query's other values all but vanish, though they decide. */
static void one_large_in_queries(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        p->c[i * p->d] = p->c[i * p->d] > 0 ? 1 : -1;
    for (int64_t i = 0; i < p->m; i++)
        p->a[i * p->d] = 100 * TOP;
}

/* As squared distances are searched for: a column that is the same in all queries, and nearly so in the bank. */
static void steady_column(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        p->c[i * p->d + p->d - 1] = -10000 - (float)(i % 2);
    for (int64_t i = 0; i < p->m; i++)
        p->a[i * p->d + p->d - 1] = 100;
}

static void one_giant(problem *p)
{
    scale_row(p->c + (p->n - 7) * p->d, p->d, 90);
}

static void all_sizes(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        scale_row(p->c + i * p->d, p->d, -(int)(i % 80));
    for (int64_t i = 0; i < p->m; i++)
        scale_row(p->a + i * p->d, p->d, (int)(i % 3) * 30 - 30);
}

static void sizes_in_order(problem *p)
{
    for (int64_t i = 0; i < p->n; i++)
        scale_row(p->c + i * p->d, p->d, (int)(i * 40 / p->n) - 20);
}

static void vanishing(problem *p)
{
    scale_row(p->c, p->n * p->d, -110);
    scale_row(p->a, p->m * p->d, -110);
}

static void large(problem *p)
{
    scale_row(p->c, p->n * p->d, 50);
    scale_row(p->a, p->m * p->d, 50);
}

static void nothing(problem *p)
{
    memset(p->a, 0, (size_t)p->d * sizeof *p->a);
    memset(p->c + 3 * p->d, 0, (size_t)(p->n / 2 * p->d) * sizeof *p->c);
}

static void not_numbers(problem *p)
{
    p->c[(p->n / 2) * p->d] = NAN;
    p->c[(p->n / 3) * p->d + p->d - 1] = INFINITY;
    p->c[(p->n - 1) * p->d + p->d / 2] = -INFINITY;
    p->a[p->d / 2] = NAN;
    p->a[p->d * (p->m - 1)] = INFINITY;
}

static const struct {
    const char *name;
    void (*change)(problem *p);
} kinds[] = {
    {"as they are", as_they_are},
    {"few values", few_values},
    {"all alike", all_alike},
    {"copies", copies},
    {"around the query", around_the_query},
    {"one large column", one_large_column},
    {"one large in queries", one_large_in_queries},
    {"steady column", steady_column},
    {"one giant", one_giant},
    {"all sizes", all_sizes},
    {"sizes in order", sizes_in_order},
    {"vanishing", vanishing},
    {"large", large},
    {"nothing", nothing},
    {"not numbers", not_numbers},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* --- Answers --- */

typedef struct answer {
    float *y;
    int32_t *at;
} answer;

static void *need(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p)
        fail_msg("no memory for %zu bytes", bytes);
    return p;
}

static answer answer_new(const problem *p)
{
    size_t count = (size_t)(p->m * p->k);
    return (answer){need(count * sizeof(float)), need(count * sizeof(int32_t))};
}

static void answer_free(answer *r)
{
    free(r->y);
    free(r->at);
}

static void *put(device *v, const void *from, size_t bytes)
{
    void *p = v->f->alloc(v->b, bytes);
    assert_non_null(p);
    if (from)
        v->f->write(v->b, p, from, bytes);
    return p;
}

static void get(device *v, void *to, void *p, size_t bytes)
{
    if (to)
        v->f->read(v->b, to, p, bytes);
    v->f->free(v->b, p, bytes);
}

/* `rows` of the queries, from `first`. */
static void search(device *v, const problem *p, answer *r, int64_t first, int64_t rows)
{
    size_t a = (size_t)(rows * p->d) * sizeof(float), c = (size_t)(p->n * p->d) * sizeof(float);
    size_t found = (size_t)(rows * p->k) * sizeof(float), all = (size_t)(rows * p->n) * sizeof(float);
    float *da = put(v, p->a + first * p->d, a), *dc = put(v, p->c, c), *dy = put(v, NULL, found);
    int32_t *dat = put(v, NULL, found);
    if (v->f->nearest) {
        v->f->nearest(v->b, dy, dat, da, dc, rows, p->n, p->d, p->k);
    } else {
        float *products = put(v, NULL, all);
        v->f->gemm(v->b, 0, 1, rows, p->n, p->d, da, dc, 0, products);
        v->f->topk(v->b, dy, dat, products, rows, p->n, p->k);
        get(v, NULL, products, all);
    }
    get(v, r->y + first * p->k, dy, found);
    get(v, r->at + first * p->k, dat, found);
    get(v, NULL, da, a);
    get(v, NULL, dc, c);
}

static int same(float x, float y)
{
    return x == y || (isnan(x) && isnan(y));
}

static void expect_same(const problem *p, const answer *got, const answer *want, const char *what)
{
    for (int64_t i = 0; i < p->m * p->k; i++)
        if (!same(got->y[i], want->y[i]) || got->at[i] != want->at[i])
            fail_msg("%s, %s, %lld x %lld x %lld: number %lld of query %lld is row %d with %g, not row %d with %g",
                     tested_one.name, what, (long long)p->m, (long long)p->n, (long long)p->d,
                     (long long)(i % p->k), (long long)(i / p->k), got->at[i], (double)got->y[i], want->at[i],
                     (double)want->y[i]);
}

/* --- Tests, each on every backend --- */

static const int64_t shapes[][4] = {
    {40, 3000, 16, 5}, {7, 1024, 129, 50}, {13, 4200, 37, 100}, {3, 20000, 5, 1000}, {1, 2000, 66, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static problem problem_new(const int64_t shape[4])
{
    problem p = {.m = shape[0], .n = shape[1], .d = shape[2], .k = shape[3]};
    p.a = need((size_t)(p.m * p.d) * sizeof *p.a);
    p.c = need((size_t)(p.n * p.d) * sizeof *p.c);
    return p;
}

static void problem_free(problem *p)
{
    free(p->a);
    free(p->c);
}

static float whole(uint64_t seed, int64_t i)
{
    return (float)random_below(seed, (uint64_t)i, 2 * TOP + 1) - TOP;
}

static void each_backend(void (*check)(void))
{
    char names[8][32];
    int n = backends_built(names, 8), opened = 0;
    ref = backends_open("ref");
    assert_non_null(ref.b);
    for (int i = 0; i < n; i++) {
        tested_one = backends_open(names[i]);
        if (tested_one.b)
            check();
        opened += tested_one.b != NULL;
        backends_close(&tested_one);
    }
    backends_close(&ref);
    if (!opened)
        skip();
}

static void check_kind(const int64_t shape[4], int kind)
{
    problem p = problem_new(shape);
    answer got = answer_new(&p), want = answer_new(&p);
    for (int64_t i = 0; i < p.m * p.d; i++)
        p.a[i] = whole(1, i);
    for (int64_t i = 0; i < p.n * p.d; i++)
        p.c[i] = whole(2, i);
    kinds[kind].change(&p);
    search(&ref, &p, &want, 0, p.m);
    search(&tested_one, &p, &got, 0, p.m);
    expect_same(&p, &got, &want, kinds[kind].name);
    answer_free(&got);
    answer_free(&want);
    problem_free(&p);
}

static void check_kinds(void)
{
    for (int s = 0; s < SHAPES; s++)
        for (int kind = 0; kind < KINDS; kind++)
            if (!tested_small() || s == SHAPES - 1)
                check_kind(shapes[s], kind);
}

static void to_the_bit(void **state)
{
    (void)state;
    each_backend(check_kinds);
}

/* Directions about a few centres, and half their squares: what the knn scorer asks. */
static void directions(float *x, int64_t n, int64_t d, uint64_t seed, int bank)
{
    for (int64_t i = 0; i < n; i++) {
        double square = 0;
        for (int64_t j = 0; j < d - 1; j++) {
            float z = random_normal(seed, (uint64_t)(i * d + j)) + (j % 5 == i % 5 ? 2 : 0);
            x[i * d + j] = z > 0 ? z : 0;
            square += (double)x[i * d + j] * (double)x[i * d + j];
        }
        for (int64_t j = 0; j < d - 1; j++)
            x[i * d + j] /= (float)sqrt(square);
        x[i * d + d - 1] = bank ? -0.5f : 1;
    }
}

static double product(const problem *p, int64_t query, int64_t row)
{
    double sum = 0;
    for (int64_t j = 0; j < p->d; j++)
        sum += (double)p->a[query * p->d + j] * (double)p->c[row * p->d + j];
    return sum;
}

/* Norms are below 1.5: that, times what d roundings do. */
static void expect_nearest(const problem *p, const answer *got)
{
    double slack = 1.5 * 1.5 * (double)p->d * 0x1p-24;
    for (int64_t q = 0; q < p->m; q++) {
        const float *y = got->y + q * p->k;
        const int32_t *at = got->at + q * p->k;
        int64_t reached = 0;
        for (int64_t j = 0; j < p->k; j++) {
            assert_in_range(at[j], 0, p->n - 1);
            assert_true(j == 0 || y[j - 1] > y[j] || (same(y[j - 1], y[j]) && at[j - 1] < at[j]));
            assert_true(fabs((double)y[j] - product(p, q, at[j])) <= slack);
        }
        for (int64_t row = 0; row < p->n; row++)
            reached += product(p, q, row) > (double)y[p->k - 1] + slack;
        assert_true(reached < p->k);
    }
}

/* Queries together and one at a time. */
static void check_directions(void)
{
    static const int64_t sizes[][4] = {
        {9, 4000, 65, 20}, {9, 4000, 513, 20}, {3, 1500, 2049, 10}, {9, 200, 65, 50}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        if (tested_small() && s + 1 < sizeof sizes / sizeof *sizes)
            continue;
        problem p = problem_new(sizes[s]);
        answer together = answer_new(&p), alone = answer_new(&p);
        directions(p.a, p.m, p.d, 3, 0);
        directions(p.c, p.n, p.d, 4, 1);
        search(&tested_one, &p, &together, 0, p.m);
        expect_nearest(&p, &together);
        for (int64_t i = 0; i < p.m; i++)
            search(&tested_one, &p, &alone, i, 1);
        expect_nearest(&p, &alone);
        answer_free(&together);
        answer_free(&alone);
        problem_free(&p);
    }
}

static void of_directions(void **state)
{
    (void)state;
    each_backend(check_directions);
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(to_the_bit), cmocka_unit_test(of_directions)};
    return cmocka_run_group_tests(cases, NULL, NULL);
}
