/* engines.c - which engine of cuDNN a convolution gets, on the emulator: never
 * one whose results are not what was promised, the same again from the file
 * that processes share, and a right result whatever that file holds. */
#include "card.h"

#include <glob.h>

/* The emulator's engines (tests/emulator/dnn_engine.cpp): one rounds to TF32, one
 * is noted as not deterministic, one is plain, one does not work, one transforms,
 * one does not run though its plan is made. */
enum { TF32, UNSURE, PLAIN, BROKEN, WINOGRAD, LAME };

static const bk_window small = {
    .n = 2, .h = 5, .w = 7, .c = 3, .k = 4, .p = 5, .q = 7, .r = 3, .s = 3, .stride = 1, .pad = 1};

/* --- Convolving --- */

static int64_t x_size(const bk_window *g)
{
    return g->n * g->h * g->w * g->c;
}

static int64_t y_size(const bk_window *g)
{
    return g->n * g->p * g->q * g->k;
}

static int64_t w_size(const bk_window *g)
{
    return g->k * g->r * g->s * g->c;
}

/* Small whole numbers: TF32 holds them, and every order of summing gives the same. */
static real *numbers(int64_t n, int seed)
{
    real *v = malloc((size_t)n * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (real)((i * 5 + seed) % 7) - 3;
    return v;
}

static void judge(const bk_window *g, enum conv_kind kind, real *x, real *y, real *w)
{
    real *out = kind == CONV_Y ? y : kind == CONV_X ? x : w;
    int64_t size = kind == CONV_Y ? y_size(g) : kind == CONV_X ? x_size(g) : w_size(g);
    memset(out, 0, (size_t)size * sizeof *out);
    for (int64_t i = 0; i < y_size(g) * g->r * g->s; i++) {
        int64_t s = i % g->s, r = i / g->s % g->r, at = i / g->s / g->r, k = at % g->k, q = at / g->k % g->q,
                p = at / g->k / g->q % g->p, n = at / g->k / g->q / g->p;
        int64_t h = p * g->stride - g->pad + r, v = q * g->stride - g->pad + s;
        if (h < 0 || h >= g->h || v < 0 || v >= g->w)
            continue;
        real *xs = x + ((n * g->h + h) * g->w + v) * g->c, *ws = w + ((k * g->r + r) * g->s + s) * g->c;
        for (int64_t c = 0; c < g->c; c++)
            if (kind == CONV_Y)
                y[at] += xs[c] * ws[c];
            else if (kind == CONV_X)
                xs[c] += y[at] * ws[c];
            else
                ws[c] += y[at] * xs[c];
    }
}

/* Computes one of the three and holds it to the judge. */
static void convolve(bk *b, enum conv_kind kind, const bk_window *g)
{
    int64_t sizes[] = {y_size(g), x_size(g), w_size(g)};
    real *host[3], *at[3];
    for (int i = 0; i < 3; i++) {
        host[i] = numbers(sizes[i], i);
        at[i] = there(b, host[i], sizes[i]);
    }
    kind == CONV_Y   ? card->conv_y(b, g, at[0], at[1], at[2])
    : kind == CONV_X ? card->conv_x(b, g, at[1], at[0], at[2])
                     : card->conv_w(b, g, at[2], at[1], at[0]);
    real *got = numbers(sizes[kind], 0);
    card->read(b, got, at[kind], (size_t)sizes[kind] * sizeof *got);
    judge(g, kind, host[1], host[0], host[2]);
    assert_memory_equal(got, host[kind], (size_t)sizes[kind] * sizeof *got);
    for (int i = 0; i < 3; i++) {
        card->free(b, at[i], 0);
        free(host[i]);
    }
    free(got);
}

static int64_t engine_for(bk *b, enum conv_kind kind)
{
    conv_spec s = {.kind = kind, .g = small};
    choice *c = conv_choose(b, &s);
    return c ? c->engine.index : -1;
}

/* --- The file --- */

/* The one file in the test's folder; "" while there is none. */
static const char *kept_file(void)
{
    static char path[PATH_MAX];
    glob_t found;
    path[0] = 0;
    if (glob(at("*.csv"), 0, NULL, &found) == 0) {
        assert_int_equal(found.gl_pathc, 1);
        snprintf(path, sizeof path, "%s", found.gl_pathv[0]);
        globfree(&found);
    }
    return path;
}

typedef struct text {
    char bytes[1 << 14];
    int lines;
} text;

static text kept_text(void)
{
    static text t;
    FILE *f = fopen(kept_file(), "r");
    memset(&t, 0, sizeof t);
    assert_non_null(f);
    assert_true(fread(t.bytes, 1, sizeof t.bytes - 1, f) > 0);
    fclose(f);
    for (const char *c = t.bytes; *c; c++)
        t.lines += *c == '\n';
    return t;
}

static void put_kept(const char *bytes)
{
    FILE *f = fopen(kept_file(), "w");
    assert_non_null(f);
    fputs(bytes, f);
    assert_int_equal(fclose(f), 0);
}

/* Opens on the test's folder, computes all three, closes. */
static void whole_run(unsigned flags)
{
    noted[0] = 0;
    bk *b = card_open(top, flags);
    for (int kind = CONV_Y; kind <= CONV_W; kind++)
        for (int twice = 0; twice < 2; twice++)
            convolve(b, (enum conv_kind)kind, &small);
    card->close(b);
}

static void chosen_once_and_kept(void **state)
{
    (void)state;
    whole_run(0);
    text first = kept_text();
    assert_int_equal(first.lines, 1 + 3);
    assert_non_null(strstr(kept_file(), "cudnn-emulated-"));
    assert_non_null(strstr(first.bytes, "\ny,2,5,7,3,4,5,7,3,3,1,1,float,conv,exact,2,2=1,"));
    whole_run(0); /* nothing is chosen anew: nothing is added */
    assert_string_equal(kept_text().bytes, first.bytes);
    assert_string_equal(noted, "");
    whole_run(BK_TF32); /* promises differ, and so do choices */
    assert_int_equal(kept_text().lines, 1 + 6);
    assert_int_equal(files_in(top), 1);
}

/* The first `from` in the file becomes `to`. */
static void edit(const char *from, const char *to)
{
    text t = kept_text();
    char changed[sizeof t.bytes + 256];
    char *found = strstr(t.bytes, from);
    assert_non_null(found);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(found - t.bytes), t.bytes, to, found + strlen(from));
    put_kept(changed);
}

static void what_is_kept_is_used(void **state)
{
    (void)state;
    whole_run(0);
    edit("exact,2,2=1,", "exact,2,2=3,");
    text before = kept_text();
    bk *b = card_open(top, 0);
    convolve(b, CONV_Y, &small);
    assert_int_equal(b->choices->engine.knobs, 1);
    assert_int_equal(b->choices->engine.value[0], 3);
    card->close(b);
    assert_string_equal(kept_text().bytes, before.bytes);
}

/* Whatever stands there, the result is right, and the next run finds a whole file. */
static void damage_is_survived(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *note; /* NULL: nothing is said, another line is meant */
        int added;
    } damages[] = {
        {"exact,2,2=1,", "exact,0,2=1,", "another is chosen", 1},   /* would round to TF32 */
        {"exact,2,2=1,", "exact,1,2=1,", "another is chosen", 1},   /* not deterministic */
        {"exact,2,2=1,", "exact,4,,", "another is chosen", 1},      /* a transform */
        {"exact,2,2=1,", "exact,3,,", "another is chosen", 1},      /* does not work */
        {"exact,2,2=1,", "exact,999,2=1,", "another is chosen", 1}, /* no such engine */
        {"exact,2,2=1,", "exact,2,2=99,", "another is chosen", 1},  /* no such setting */
        {"exact,2,2=1,", "exact,2,7=1,", "another is chosen", 1},   /* no such knob */
        {"exact,2,2=1,", "exact,-2,2=1,", "1 line is unreadable", 1},
        {"exact,2,2=1,", "exact,2,2=,", "1 line is unreadable", 1},
        {"exact,2,2=1,", "exact,2,2=1 ,", "1 line is unreadable", 1},
        {"exact,2,2=1,", "exact,2x,2=1,", "1 line is unreadable", 1},
        {"exact,2,2=1,", "exact,99999999999999999999,2=1,", "1 line is unreadable", 1},
        {"float,conv,exact,2,2=1,", "flo", "1 line is unreadable", 1},
        {"y,2,5,7,3", "\n\x01\xff,,,\ny,2,5,7,3", "2 lines are unreadable", 0},
        {"y,2,5,7,3", "y,9,5,7,3", NULL, 1},
        {"milliseconds\n", "seconds\n", "another version", 3},
        {"kind,", "", "another version", 3},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        if (*kept_file())
            remove(kept_file());
        whole_run(0);
        edit(damages[i].from, damages[i].to);
        int lines = kept_text().lines;
        whole_run(0);
        if (damages[i].note ? !strstr(noted, damages[i].note) : noted[0])
            fail_msg("damage %zu: noted: %s", i, noted);
        text after = kept_text();
        assert_int_equal(after.lines, damages[i].added == 3 ? 1 + 3 : lines + damages[i].added);
        whole_run(0);
        assert_string_equal(kept_text().bytes, after.bytes);
    }
}

static void a_torn_end_does_not_spoil_the_next_line(void **state)
{
    (void)state;
    whole_run(0);
    text whole = kept_text();
    for (size_t cut = strlen(whole.bytes) - 2; cut > strlen(whole.bytes) - 30; cut -= 4) {
        char torn[sizeof whole.bytes];
        snprintf(torn, sizeof torn, "%.*s", (int)cut, whole.bytes);
        put_kept(torn);
        whole_run(0);
        assert_int_equal(kept_text().lines, 1 + 3 + 1);
        noted[0] = 0;
        bk *b = card_open(top, 0);
        assert_int_equal(engine_for(b, CONV_W), PLAIN);
        card->close(b);
        assert_non_null(strstr(noted, "1 line is unreadable"));
    }
}

/* --- Several processes --- */

enum { WRITERS = 4, SHAPES = 6 };

static bk_window shape(int writer, int i)
{
    bk_window g = small;
    g.n = 1, g.c = 1 + writer, g.k = 1 + i;
    return g;
}

static void write_at_once(int writer)
{
    bk *b = card_open(top, 0);
    for (int i = 0; i < SHAPES; i++) {
        bk_window g = shape(writer, i);
        convolve(b, CONV_Y, &g);
    }
    card->close(b);
}

static void writers_do_not_disturb_each_other(void **state)
{
    (void)state;
    pid_t pid[WRITERS];
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++)
        if ((pid[i] = fork()) == 0) {
            write_at_once(i);
            _exit(0);
        }
    for (int i = 0, status; i < WRITERS; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(kept_text().lines, 1 + WRITERS * SHAPES);
    noted[0] = 0;
    for (int i = 0; i < WRITERS; i++)
        write_at_once(i);
    assert_string_equal(noted, "");
    assert_int_equal(kept_text().lines, 1 + WRITERS * SHAPES);
    assert_int_equal(files_in(top), 1);
}

static void without_a_folder_nothing_is_kept(void **state)
{
    (void)state;
    noted[0] = 0;
    bk *b = card_open(NULL, 0);
    convolve(b, CONV_Y, &small);
    card->close(b);
    assert_int_equal(files_in(top), 0);
    assert_string_equal(noted, "");
    b = card_open(at("missing"), 0); /* said once, and goes on */
    convolve(b, CONV_Y, &small);
    size_t said = strlen(noted);
    assert_non_null(strstr(noted, "cannot be kept"));
    convolve(b, CONV_X, &small);
    assert_int_equal(strlen(noted), said);
    card->close(b);
}

/* --- Which engine --- */

static void engines_keep_what_was_promised(void **state)
{
    (void)state;
    for (int kind = CONV_Y; kind <= CONV_W; kind++) {
        bk *exact = card_open(NULL, 0), *tf32 = card_open(NULL, BK_TF32), *fast = card_open(NULL, BK_FAST);
        assert_int_equal(engine_for(exact, (enum conv_kind)kind), PLAIN);
        assert_int_equal(engine_for(tf32, (enum conv_kind)kind), TF32);
        assert_int_not_equal(engine_for(fast, (enum conv_kind)kind), BROKEN);
        assert_int_not_equal(engine_for(fast, (enum conv_kind)kind), LAME);
        assert_true(fast->choices->ms >= 0);
        assert_true(exact->choices->ms < 0);
        card->close(exact);
        card->close(tf32);
        card->close(fast);
    }
    whole_run(BK_FAST);
    assert_non_null(strstr(kept_text().bytes, ",fast,"));
    assert_null(strstr(kept_text().bytes, ",\n")); /* what was measured stands there */
}

static void fused_graphs_fall_back(void **state)
{
    (void)state;
    conv_spec s = {.kind = CONV_Y, .g = small, .bf16 = 1, .bias = CONV_BIAS_LIKE_Y, .plus = 1, .relu = 1};
    s.g.c = s.g.k = 8;
    bk *b = card_open(top, 0);
    choice *c = conv_choose(b, &s);
    assert_non_null(c);
    assert_ptr_equal(conv_choose(b, &s), c);
    s.bf16 = 0; /* cuDNN has it for bfloat16 alone */
    assert_null(conv_choose(b, &s));
    assert_null(conv_choose(b, &s));
    card->close(b);
    assert_int_equal(kept_text().lines, 1 + 1);
    s.bf16 = 1;
    setenv("EMULATOR_FUSION", "0", 1); /* kept, but here it does not work */
    b = card_open(top, 0);
    assert_null(conv_choose(b, &s));
    card->close(b);
    unsetenv("EMULATOR_FUSION");
}

static void die_of_a_shape(void)
{
    conv_spec s = {.kind = CONV_Y, .g = small};
    s.g.p = 6;
    conv_choose(card_open(NULL, 0), &s);
}

static void refused_shapes_are_told(void **state)
{
    (void)state;
    expect_death(die_of_a_shape, "y,2,5,7,3,4,6,7,3,3,1,1,float|no engine|device: cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chosen_once_and_kept),
        TEST(what_is_kept_is_used),
        TEST(damage_is_survived),
        TEST(a_torn_end_does_not_spoil_the_next_line),
        TEST(writers_do_not_disturb_each_other),
        TEST(without_a_folder_nothing_is_kept),
        TEST(engines_keep_what_was_promised),
        TEST(fused_graphs_fall_back),
        TEST(refused_shapes_are_told),
    };
    return cmocka_run_group_tests_name("engines", tests, NULL, NULL);
}
