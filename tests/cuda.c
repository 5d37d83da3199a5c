/* cuda.c - the cuda backend's device, queue and products, on the emulator:
 * stretches that repeat become graphs and give the same, what changes from step
 * to step needs no new graph, and what goes wrong is said in one line. */
#include "card.h"

enum { N = 40, STEPS = 8 };

static real values[N], more[N];

static void fill_values(void)
{
    for (int i = 0; i < N; i++) {
        values[i] = (real)(i % 7) - 3;
        more[i] = (real)(i % 5) + 1;
    }
}

/* --- The queue --- */

typedef struct step {
    bk *b;
    real *x, *y, *z;
} step;

static step begin_step(void)
{
    bk *b = card_open(NULL, 0);
    fill_values();
    step s = {b, there(b, values, N), there(b, values, N), there(b, more, N)};
    card->sync(b);
    return s;
}

static void end_step(step *s)
{
    real *all[] = {s->x, s->y, s->z};
    for (int i = 0; i < 3; i++)
        card->free(s->b, all[i], N * sizeof(real));
    card->close(s->b);
}

/* y = (2 x)^2 + rate z, then read: one stretch of four calls. */
static void run_step(const step *s, real rate, real out[N])
{
    card->affine(s->b, s->y, s->x, N, 2, 0);
    card->map(s->b, BK_SQUARE, s->y, s->y, N);
    card->axpy(s->b, s->y, s->z, N, rate);
    card->clamp(s->b, s->y, s->y, N, -1000, 1000);
    card->read(s->b, out, s->y, N * sizeof *out);
}

static void expect_step(const real out[N], const real x[N], real rate)
{
    for (int i = 0; i < N; i++)
        assert_float_equal(out[i], 4 * x[i] * x[i] + rate * more[i], 0);
}

static void repeated_stretches_become_a_graph(void **state)
{
    (void)state;
    step s = begin_step();
    queue_counts before = queue_counters(s.b);
    for (int i = 0; i < STEPS; i++) {
        real out[N];
        run_step(&s, 0.5, out);
        expect_step(out, values, 0.5);
        queue_counts now = queue_counters(s.b);
        assert_int_equal(now.captured - before.captured, i >= 2);
        assert_int_equal(now.graphs - before.graphs, i >= 2 ? i - 1 : 0);
        assert_int_equal(now.stretches - before.stretches, i >= 2 ? 2 : i + 1);
    }
    assert_int_equal(queue_counters(s.b).refused, before.refused);
    end_step(&s);
}

static void a_changed_number_needs_no_new_graph(void **state)
{
    (void)state;
    step s = begin_step();
    for (int i = 0; i < STEPS; i++) {
        real out[N], rate = (real)i / 4 - 1;
        run_step(&s, rate, out);
        expect_step(out, values, rate);
    }
    assert_int_equal(queue_counters(s.b).captured, 1);
    assert_int_equal(queue_counters(s.b).graphs, STEPS - 2);
    end_step(&s);
}

static void changed_bytes_need_no_new_graph(void **state)
{
    (void)state;
    step s = begin_step();
    for (int i = 0; i < STEPS; i++) {
        real out[N], x[N];
        for (int j = 0; j < N; j++)
            x[j] = (real)((i * 3 + j) % 11) - 5;
        card->write(s.b, s.x, x, sizeof x);
        memset(x, 0, sizeof x); /* they are the caller's again */
        run_step(&s, 1, out);
        for (int j = 0; j < N; j++)
            x[j] = (real)((i * 3 + j) % 11) - 5;
        expect_step(out, x, 1);
    }
    assert_int_equal(queue_counters(s.b).captured, 1);
    assert_int_equal(queue_counters(s.b).graphs, STEPS - 2);
    end_step(&s);
}

static void a_changed_address_is_another_stretch(void **state)
{
    (void)state;
    step s = begin_step(), other = s;
    other.z = there(s.b, values, N);
    real out[N];
    for (int i = 0; i < STEPS; i++)
        run_step(&s, 1, out);
    int64_t graphs = queue_counters(s.b).graphs;
    run_step(&other, 1, out);
    assert_int_equal(queue_counters(s.b).graphs, graphs);
    for (int i = 0; i < N; i++)
        assert_float_equal(out[i], 4 * values[i] * values[i] + values[i], 0);
    run_step(&s, 1, out);
    assert_int_equal(queue_counters(s.b).graphs, graphs + 1);
    card->free(s.b, other.z, N * sizeof(real));
    end_step(&s);
}

static void moved_room_makes_graphs_anew(void **state)
{
    (void)state;
    step s = begin_step();
    real out[N];
    for (int i = 0; i < STEPS; i++)
        run_step(&s, 1, out);
    queue_counts before = queue_counters(s.b);
    cuda_need_room(s.b, ROOM_SUMS, 1 << 16);
    for (int i = 0; i < STEPS; i++) {
        run_step(&s, 2, out);
        expect_step(out, values, 2);
        assert_int_equal(queue_counters(s.b).graphs - before.graphs, i >= 2 ? i - 1 : 0);
    }
    cuda_need_room(s.b, ROOM_SUMS, 1 << 10); /* there is as much already */
    run_step(&s, 2, out);
    assert_int_equal(queue_counters(s.b).graphs - before.graphs, STEPS - 1);
    end_step(&s);
}

static void a_long_stretch_is_cut_and_complete(void **state)
{
    (void)state;
    enum { CALLS = 5000 };
    step s = begin_step();
    real out[N];
    for (int round = 0; round < 4; round++) {
        card->fill(s.b, s.y, N, 0);
        for (int i = 0; i < CALLS; i++)
            card->axpy(s.b, s.y, s.z, N, 1);
        card->read(s.b, out, s.y, sizeof out);
        for (int i = 0; i < N; i++)
            assert_float_equal(out[i], CALLS * more[i], 0);
    }
    end_step(&s);
}

/* --- Products --- */

/* c = op(a) op(b) + beta c in small whole numbers, which every order of summing
 * gives exactly. */
static void product_of(bk *b, int ta, int tb, real beta)
{
    enum { M = 3, K = 4, C = 5 };
    real a[M * K], w[K * C], c[M * C];
    for (int i = 0; i < M * K; i++)
        a[i] = (real)(i % 5) - 2;
    for (int i = 0; i < K * C; i++)
        w[i] = (real)(i % 7) - 3;
    for (int i = 0; i < M * C; i++)
        c[i] = (real)i;
    real *at[] = {there(b, a, M * K), there(b, w, K * C), there(b, c, M * C)}, out[M * C];
    card->gemm(b, ta, tb, M, C, K, at[0], at[1], beta, at[2]);
    card->read(b, out, at[2], sizeof out);
    for (int m = 0; m < M; m++)
        for (int n = 0; n < C; n++) {
            real sum = beta * c[m * C + n];
            for (int k = 0; k < K; k++)
                sum += (ta ? a[k * M + m] : a[m * K + k]) * (tb ? w[n * K + k] : w[k * C + n]);
            assert_float_equal(out[m * C + n], sum, 0);
        }
    for (int i = 0; i < 3; i++)
        card->free(b, at[i], 0);
}

static void products_lie_by_rows(void **state)
{
    (void)state;
    bk *b = card_open(NULL, 0);
    for (int how = 0; how < 8; how++)
        product_of(b, how & 1, how & 2, how & 4 ? 2 : 0);
    card->close(b);
}

static void die_of_a_huge_product(void)
{
    bk *b = card_open(NULL, 0);
    real one = 1, *p = there(b, &one, 1);
    card->gemm(b, 0, 0, 1, (int64_t)INT_MAX + 1, 1, p, p, 0, p);
}

static void huge_products_are_refused(void **state)
{
    (void)state;
    expect_death(die_of_a_huge_product, "gemm|2147483648|2147483647|slices");
}

/* --- What goes wrong --- */

/* The reason for which nothing opens under an environment variable. */
static void expect_refusal(const char *name, const char *value, int ordinal, const char *words)
{
    char why[512] = "", copy[256], *rest = copy;
    const bk_api *f = bk_query(BK_ABI, sizeof(bk_api));
    if (name)
        assert_int_equal(setenv(name, value, 1), 0);
    bk *b = f->open(&card_host, ordinal, 0, why, sizeof why);
    if (name)
        unsetenv(name);
    assert_null(b);
    assert_null(strchr(why, '\n'));
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, "|")) != NULL;)
        if (!strstr(why, word))
            fail_msg("expected `%s` in: %s", word, why);
}

static void no_card_is_told_with_its_cure(void **state)
{
    (void)state;
    expect_refusal("EMULATOR_DEVICES", "0", 0, "no NVIDIA driver|install");
    expect_refusal(NULL, NULL, 7, "card 7|count from 0");
    expect_refusal("EMULATOR_MEMORY", "1048576", 0, "too little|nvidia-smi");
    assert_null(bk_query(BK_ABI + 1, sizeof(bk_api)));
}

static void die_of_memory(void)
{
    bk *b = card_open(NULL, 0);
    assert_null(card->alloc(b, (size_t)1 << 40));
    cuda_need_room(b, ROOM_TILE, (size_t)1 << 40);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    expect_death(die_of_memory, "1048576 MiB|smaller batch");
}

static void die_of_a_pick(void)
{
    bk *b = card_open(NULL, 0);
    const int32_t outside = 9;
    real *x = there(b, values, N), *y = there(b, values, N);
    int32_t *i = card->alloc(b, sizeof *i);
    card->write(b, i, &outside, sizeof outside);
    card->pick(b, y, x, i, 1, 5, 1);
    card->sync(b);
}

static void die_of_a_winner(void)
{
    bk *b = card_open(NULL, 0);
    const bk_window g = {.n = 1, .h = 2, .w = 2, .c = 1, .k = 1, .p = 1, .q = 1, .r = 2, .s = 2, .stride = 2};
    const int32_t outside = -1;
    real *x = there(b, values, N), *y = there(b, values, N);
    int32_t *i = card->alloc(b, sizeof *i);
    card->write(b, i, &outside, sizeof outside);
    card->pool_max_t(b, &g, x, y, i);
    card->sync(b);
}

static void die_of_a_cut(void)
{
    bk *b = card_open(NULL, 0);
    const int32_t beyond[4] = {3, 0, 0, 0};
    const uint8_t *store = card->alloc(b, 3);
    real *x = there(b, values, N), *mean = there(b, values, N);
    card->cut(b, x, store, 3, beyond, 1, 1, 1, 1, mean, mean);
    card->sync(b);
}

static void an_index_outside_is_told_at_the_wait(void **state)
{
    (void)state;
    expect_death(die_of_a_pick, "pick: index 9 of 5");
    expect_death(die_of_a_winner, "pool_max_t: index -1 of 4");
    expect_death(die_of_a_cut, "cut: index 3 of 3");
}

static void die_of_a_kernel(void)
{
    step s = begin_step();
    real out[N];
    setenv("EMULATOR_FAIL", "launch:3", 1);
    run_step(&s, 1, out);
}

static void a_kernel_fault_is_told_at_the_wait(void **state)
{
    (void)state;
    expect_death(die_of_a_kernel, "kernel failed|compute-sanitizer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kernel_fault_is_told_at_the_wait), /* first: launches are counted from here */
        TEST(repeated_stretches_become_a_graph),
        TEST(a_changed_number_needs_no_new_graph),
        TEST(changed_bytes_need_no_new_graph),
        TEST(a_changed_address_is_another_stretch),
        TEST(moved_room_makes_graphs_anew),
        TEST(a_long_stretch_is_cut_and_complete),
        TEST(products_lie_by_rows),
        TEST(huge_products_are_refused),
        TEST(no_card_is_told_with_its_cure),
        TEST(out_of_memory_is_told),
        TEST(an_index_outside_is_told_at_the_wait),
    };
    return cmocka_run_group_tests_name("cuda", tests, NULL, NULL);
}
