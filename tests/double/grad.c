/* grad.c - every operation of tensor.h against differences of its values, in
 * double: first order to 1e-7, second order to 1e-6, on the shapes of cases.h.
 * The list of operations is read from tensor.h: none can be forgotten. */
#include "differences.h"

#include "../../harness/vjp.h"
#include "../cases.h"

/* --- The functions under test --- */

typedef struct about {
    const int64_t *d; /* the row of cases.h */
    int variant;
} about;
#define D(i) (((const about *)a)->d[i])
#define VARIANT (((const about *)a)->variant)
#define F(name) static tensor *name(tensor *const x[], const void *a)

/* Numbers 0 <= i < below, some of them repeated. */
static tensor *indices(int64_t rows, int64_t cols, int64_t below)
{
    int32_t *host = calloc((size_t)(rows * cols) + 1, sizeof *host);

    for (int64_t i = 0; i < rows * cols; i++)
        host[i] = (int32_t)((i * 7 + i / 3) % (below ? below : 1));
    tensor *t = tx_index(DIMS(rows, cols), host);
    free(host);
    return t;
}

/* clang-format off */
F(add) { (void)a; return tx_add(x[0], x[1]); }
F(sub) { (void)a; return tx_sub(x[0], x[1]); }
F(mul) { (void)a; return tx_mul(x[0], x[1]); }
F(div_) { (void)a; return tx_div(x[0], x[1]); }
F(mul_self) { (void)a; return tx_mul(x[0], x[0]); }
F(affine) { (void)a; return tx_affine(x[0], -1.75, 0.5); }
F(map) { return tx_map((enum bk_map)VARIANT, x[0]); }
F(clamp) { (void)a; return tx_clamp(x[0], -0.513, 0.617); }
F(within) { (void)a; return tx_within(x[0], x[1], -0.513, 0.617); }
F(within_self) { (void)a; return tx_within(x[0], x[0], -0.513, 0.617); }
F(sum) { (void)a; return tx_sum(x[0]); }
F(mean) { (void)a; return tx_mean(x[0]); }
F(rowsum) { (void)a; return tx_rowsum(x[0]); }
F(colsum) { (void)a; return tx_colsum(x[0]); }
F(spread) { return tx_spread(x[0], DIMS(D(0), D(1))); }
F(spread_images) { return tx_spread(x[0], DIMS(2, D(0), 1, D(1))); }
F(lse) { (void)a; return tx_lse(x[0]); }
F(reshape) { return tx_reshape(x[0], DIMS(D(1), 1, D(0))); }
F(slice) { return tx_slice(x[0], D(0) / 3, D(0) - D(0) / 3 - D(0) / 4); }
F(embed) { return tx_embed(x[0], 2, D(0) + 3); }
F(concat) { (void)a; return tx_concat(x[0], x[1]); }
F(slice_cols) { return tx_slice_cols(x[0], D(1) / 3, D(1) - D(1) / 3 - D(1) / 4); }
F(embed_cols) { return tx_embed_cols(x[0], 2, D(1) + 3); }
F(concat_cols) { (void)a; return tx_concat_cols(x[0], x[1]); }
F(pick) { return tx_pick(x[0], indices(D(0), D(2), D(1))); }
F(pick_images) { return tx_pick(x[0], indices(2 * D(0), 3, D(1))); }
F(place_) { return tx_place(x[0], indices(D(0), D(2), D(1)), D(1)); }
F(take) { return tx_take(x[0], indices(D(2), 1, D(0))); }
F(put) { return tx_put(x[0], indices(D(2), 1, D(0)), D(0)); }
F(matmul) { return tx_matmul(x[0], x[1], VARIANT & 1, VARIANT >> 1); }
F(gram) { (void)a; return tx_matmul(x[0], x[0], 0, 1); }
F(conv) { return tx_conv(x[0], x[1], (int)D(7), (int)D(8)); }
F(conv_x) { return tx_conv_x(x[0], x[1], (int)D(7), (int)D(8), DIMS(D(0), D(1), D(2), D(3))); }
F(conv_w) { return tx_conv_w(x[0], x[1], (int)D(7), (int)D(8), DIMS(D(4), D(5), D(6), D(3))); }
F(maxpool) { return tx_maxpool(x[0], (int)D(5), (int)D(7), (int)D(8)); }
F(avgpool) { return tx_avgpool(x[0], (int)D(5), (int)D(7), (int)D(8)); }
F(avgpool_t) { return tx_avgpool_t(x[0], (int)D(5), (int)D(7), (int)D(8), DIMS(D(0), D(1), D(2), D(3))); }
F(log_softmax) { (void)a; return tx_log_softmax(x[0]); }
F(batchnorm) { (void)a; return tx_batchnorm(x[0], x[1], x[2], 0.1, NULL, NULL); }

/* The ones that tensor.h composes. */
F(scale) { (void)a; return tx_scale(x[0], 3); }
F(relu) { (void)a; return tx_relu(x[0]); }
F(exp_) { (void)a; return tx_exp(x[0]); }
F(sqrt_) { (void)a; return tx_sqrt(x[0]); }
F(square) { (void)a; return tx_square(x[0]); }
F(sign) { (void)a; return tx_mul(tx_sign(x[0]), tx_square(x[0])); }
F(argmax) { (void)a; return tx_pick(tx_square(x[0]), tx_argmax(x[0])); }
F(rowmax) { (void)a; return tx_rowmax(x[0]); }
F(rowmin) { (void)a; return tx_rowmin(x[0]); }
F(rownorm) { (void)a; return tx_rownorm(x[0]); }
F(flat) { (void)a; return tx_flat(x[0]); }
F(unit_rows) { (void)a; return tx_unit_rows(x[0]); }
F(nll) { return tx_nll(x[0], indices(D(0), 1, D(1))); }
/* clang-format on */

/* --- The table --- */

enum { EMPTY_IS_UNDEFINED = 1 }; /* the mean of nothing, its largest value, its variance */

/* `in` gives the extents of each input, one letter each (extents_of), `kinds`
 * the values: a any, p positive, s spaced. */
static const struct row {
    const char *name; /* the operation; a rule's name where there is one */
    const char *about;
    enum case_family family;
    computed *f;
    const char *in, *kinds;
    int variant, flags;
} rows[] = {
    {"tx_add", "equal", CASE_ROWS, add, "mm", "aa", 0, 0},
    {"tx_add", "columns", CASE_ROWS, add, "mc", "aa", 0, 0},
    {"tx_add", "rows", CASE_ROWS, add, "ml", "aa", 0, 0},
    {"tx_add", "one", CASE_ROWS, add, "ms", "aa", 0, 0},
    {"tx_add", "a row", CASE_ROWS, add, "mr", "aa", 0, 0},
    {"tx_add", "pixels", CASE_ROWS, add, "ij", "aa", 0, 0},
    {"tx_sub", "equal", CASE_ROWS, sub, "mm", "aa", 0, 0},
    {"tx_sub", "columns", CASE_ROWS, sub, "mc", "aa", 0, 0},
    {"tx_sub", "rows", CASE_ROWS, sub, "ml", "aa", 0, 0},
    {"tx_mul", "equal", CASE_ROWS, mul, "mm", "aa", 0, 0},
    {"tx_mul", "columns", CASE_ROWS, mul, "mc", "aa", 0, 0},
    {"tx_mul", "channels", CASE_ROWS, mul, "ic", "aa", 0, 0},
    {"tx_mul", "rows", CASE_ROWS, mul, "ml", "aa", 0, 0},
    {"tx_mul", "one", CASE_ROWS, mul, "ms", "aa", 0, 0},
    {"tx_mul", "by itself", CASE_ROWS, mul_self, "m", "a", 0, 0},
    {"tx_div", "equal", CASE_ROWS, div_, "mm", "ap", 0, 0},
    {"tx_div", "columns", CASE_ROWS, div_, "mc", "ap", 0, 0},
    {"tx_div", "rows", CASE_ROWS, div_, "ml", "ap", 0, 0},
    {"tx_div", "one", CASE_ROWS, div_, "ms", "ap", 0, 0},
    {"tx_affine", "", CASE_VECTOR, affine, "v", "a", 0, 0},
    {"tx_map(BK_NEG)", "", CASE_VECTOR, map, "v", "a", BK_NEG, 0},
    {"tx_map(BK_ABS)", "", CASE_VECTOR, map, "v", "s", BK_ABS, 0},
    {"tx_map(BK_EXP)", "", CASE_VECTOR, map, "v", "a", BK_EXP, 0},
    {"tx_map(BK_LOG)", "", CASE_VECTOR, map, "v", "p", BK_LOG, 0},
    {"tx_map(BK_SQRT)", "", CASE_VECTOR, map, "v", "p", BK_SQRT, 0},
    {"tx_map(BK_RECIP)", "", CASE_VECTOR, map, "v", "p", BK_RECIP, 0},
    {"tx_map(BK_SQUARE)", "", CASE_VECTOR, map, "v", "a", BK_SQUARE, 0},
    {"tx_clamp", "", CASE_VECTOR, clamp, "v", "s", 0, 0},
    {"tx_within", "", CASE_VECTOR, within, "vv", "as", 0, 0},
    {"tx_within", "itself", CASE_VECTOR, within_self, "v", "s", 0, 0},
    {"tx_sum", "", CASE_ROWS, sum, "m", "a", 0, 0},
    {"tx_mean", "", CASE_ROWS, mean, "m", "a", 0, EMPTY_IS_UNDEFINED},
    {"tx_rowsum", "", CASE_ROWS, rowsum, "m", "a", 0, 0},
    {"tx_rowsum", "images", CASE_ROWS, rowsum, "i", "a", 0, 0},
    {"tx_colsum", "", CASE_ROWS, colsum, "m", "a", 0, 0},
    {"tx_colsum", "images", CASE_ROWS, colsum, "i", "a", 0, 0},
    {"tx_spread", "columns", CASE_ROWS, spread, "c", "a", 0, 0},
    {"tx_spread", "rows", CASE_ROWS, spread, "l", "a", 0, 0},
    {"tx_spread", "one", CASE_ROWS, spread, "s", "a", 0, 0},
    {"tx_spread", "pixels", CASE_ROWS, spread_images, "j", "a", 0, 0},
    {"tx_lse", "", CASE_ROWS, lse, "m", "a", 0, EMPTY_IS_UNDEFINED},
    {"tx_reshape", "", CASE_ROWS, reshape, "m", "a", 0, 0},
    {"tx_slice", "", CASE_ROWS, slice, "m", "a", 0, 0},
    {"tx_slice", "a vector", CASE_VECTOR, slice, "v", "a", 0, 0},
    {"tx_embed", "", CASE_ROWS, embed, "m", "a", 0, 0},
    {"tx_concat", "", CASE_ROWS, concat, "mr", "aa", 0, 0},
    {"tx_concat", "with itself", CASE_ROWS, concat, "mm", "aa", 0, 0},
    {"tx_slice_cols", "", CASE_ROWS, slice_cols, "m", "a", 0, 0},
    {"tx_slice_cols", "images", CASE_ROWS, slice_cols, "i", "a", 0, 0},
    {"tx_embed_cols", "", CASE_ROWS, embed_cols, "m", "a", 0, 0},
    {"tx_concat_cols", "", CASE_ROWS, concat_cols, "ml", "aa", 0, 0},
    {"tx_concat_cols", "images", CASE_ROWS, concat_cols, "ij", "aa", 0, 0},
    {"tx_pick", "", CASE_CHOICE, pick, "m", "a", 0, 0},
    {"tx_pick", "images", CASE_ROWS, pick_images, "i", "a", 0, EMPTY_IS_UNDEFINED},
    {"tx_place", "", CASE_CHOICE, place_, "k", "a", 0, 0},
    {"tx_take", "", CASE_MOVE, take, "m", "a", 0, 0},
    {"tx_put", "", CASE_MOVE, put, "k", "a", 0, 0},
    {"tx_matmul", "ab", CASE_PRODUCT, matmul, "ab", "aa", 0, 0},
    {"tx_matmul", "a'b", CASE_PRODUCT, matmul, "Ab", "aa", 1, 0},
    {"tx_matmul", "ab'", CASE_PRODUCT, matmul, "aB", "aa", 2, 0},
    {"tx_matmul", "a'b'", CASE_PRODUCT, matmul, "AB", "aa", 3, 0},
    {"tx_matmul", "aa'", CASE_ROWS, gram, "m", "a", 0, 0},
    {"tx_conv", "", CASE_CONV, conv, "xw", "aa", 0, 0},
    {"tx_conv_x", "", CASE_CONV, conv_x, "yw", "aa", 0, 0},
    {"tx_conv_w", "", CASE_CONV, conv_w, "xy", "aa", 0, 0},
    {"tx_maxpool", "", CASE_POOL, maxpool, "x", "s", 0, 0},
    {"tx_avgpool", "", CASE_POOL, avgpool, "x", "a", 0, 0},
    {"tx_avgpool_t", "", CASE_POOL, avgpool_t, "y", "a", 0, 0},
    {"tx_log_softmax", "", CASE_ROWS, log_softmax, "m", "a", 0, 0},
    {"tx_batchnorm", "", CASE_NORM, batchnorm, "mcc", "aaa", 0, EMPTY_IS_UNDEFINED},
    {"tx_batchnorm", "images", CASE_NORM, batchnorm, "icc", "aaa", 0, EMPTY_IS_UNDEFINED},
    {"tx_scale", "", CASE_VECTOR, scale, "v", "a", 0, 0},
    {"tx_relu", "", CASE_VECTOR, relu, "v", "s", 0, 0},
    {"tx_exp", "", CASE_VECTOR, exp_, "v", "a", 0, 0},
    {"tx_sqrt", "", CASE_VECTOR, sqrt_, "v", "p", 0, 0},
    {"tx_square", "", CASE_VECTOR, square, "v", "a", 0, 0},
    {"tx_sign", "", CASE_VECTOR, sign, "v", "s", 0, 0},
    {"tx_argmax", "", CASE_ROWS, argmax, "m", "s", 0, EMPTY_IS_UNDEFINED},
    {"tx_rowmax", "", CASE_ROWS, rowmax, "m", "s", 0, EMPTY_IS_UNDEFINED},
    {"tx_rowmin", "", CASE_ROWS, rowmin, "m", "s", 0, EMPTY_IS_UNDEFINED},
    {"tx_rownorm", "", CASE_ROWS, rownorm, "m", "a", 0, EMPTY_IS_UNDEFINED},
    {"tx_flat", "", CASE_ROWS, flat, "i", "a", 0, 0},
    {"tx_flat", "images", CASE_POOL, flat, "x", "a", 0, 0},
    {"tx_flat", "a vector", CASE_VECTOR, flat, "v", "a", 0, 0},
    {"tx_unit_rows", "", CASE_ROWS, unit_rows, "m", "p", 0, EMPTY_IS_UNDEFINED},
    {"tx_nll", "", CASE_ROWS, nll, "m", "a", 0, EMPTY_IS_UNDEFINED},
};

static dims extents_of(char letter, enum case_family family, const int64_t d[9])
{
    bk_window g = family == CASE_CONV || family == CASE_POOL ? case_window(d) : (bk_window){0};

    /* clang-format off */
    switch (letter) {
    case 'v': return DIMS(d[0]);
    case 'm': return DIMS(d[0], d[1]);
    case 'c': return DIMS(d[1]);
    case 'l': return DIMS(d[0], 1);
    case 'r': return DIMS(1, d[1]);
    case 's': return DIMS(1);
    case 'i': return DIMS(2, d[0], 1, d[1]);
    case 'j': return DIMS(2, d[0], 1, 1);
    case 'k': return family == CASE_CHOICE ? DIMS(d[0], d[2]) : DIMS(d[2], d[1]);
    case 'a': return DIMS(d[0], d[2]);
    case 'A': return DIMS(d[2], d[0]);
    case 'b': return DIMS(d[2], d[1]);
    case 'B': return DIMS(d[1], d[2]);
    case 'x': return DIMS(g.n, g.h, g.w, g.c);
    case 'w': return DIMS(g.k, g.r, g.s, g.c);
    default: return DIMS(g.n, g.p, g.q, g.k);
    }
    /* clang-format on */
}

static enum values values_of(char letter)
{
    return letter == 'a' ? ANY : letter == 'p' ? POSITIVE : SPACED;
}

/* --- One test: a row on a shape --- */

typedef struct instance {
    const struct row *row;
    about about;
    char name[96];
} instance;

static void holds(void **state)
{
    const instance *t = *state;
    variable x[VARIABLES] = {{.count = 0}};
    int n = (int)strlen(t->row->in);

    for (int i = 0; i < n; i++)
        x[i] = (variable){.d = extents_of(t->row->in[i], t->row->family, t->about.d),
                          .kind = values_of(t->row->kinds[i])};
    int compared = hold_against_differences(t->name, t->row->f, &t->about, n, x);
    if (case_size(t->row->family, t->about.d) > 0)
        assert_true(compared > 0);
}

/* Large shapes test the backends, not the rules; of an empty one, some results
 * are not defined. */
static bool fits(const struct row *r, const int64_t d[9])
{
    int64_t size = case_size(r->family, d), most = r->family == CASE_CONV || r->family == CASE_POOL ? 60000 : 1000;

    return size <= most && (size > 0 || !(r->flags & EMPTY_IS_UNDEFINED));
}

static int collect(instance *out)
{
    int n = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct case_shapes *s = &case_shapes[rows[i].family];
        for (int j = 0; j < s->count; j++) {
            const int64_t *d = s->shape[j].d;
            if (!fits(&rows[i], d))
                continue;
            if (out) {
                out[n] = (instance){.row = &rows[i], .about = {d, rows[i].variant}};
                int at = snprintf(out[n].name, sizeof out[n].name, "%s %s", rows[i].name, rows[i].about);
                for (int k = 0; k < s->extents; k++)
                    at += snprintf(out[n].name + at, sizeof out[n].name - (size_t)at, "%s%lld", k ? "x" : " ",
                                   (long long)d[k]);
            }
            n++;
        }
    }
    return n;
}

/* --- The lists are compared --- */

static bool has_row(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(rows[i].name, name, length) == 0 &&
            (rows[i].name[length] == '\0' || rows[i].name[length] == '('))
            return true;
    return false;
}

/* Sections of tensor.h whose operations have no derivative to test. */
static bool exempt(const char *section)
{
    return strstr(section, "Scopes and storage") || strstr(section, "Without derivative") ||
           strstr(section, "Derivatives of y");
}

static void every_operation_has_a_row(void **state)
{
    FILE *f = fopen("harness/tensor.h", "r");
    char line[512], section[512] = "";
    int found = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "/* ", 3) == 0)
            memcpy(section, line, sizeof line);
        char *at = strstr(line, "tensor *tx_");
        if (!at || exempt(section))
            continue;
        at += strlen("tensor *");
        size_t length = strcspn(at, "(");
        if (!has_row(at, length))
            fail_msg("%.*s has no row in this file's table", (int)length, at);
        found++;
    }
    fclose(f);
    assert_true(found > 40);
}

static void every_rule_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < OP_COUNT; i++) {
        assert_non_null(ad_rules[i].name);
        bool found = false;
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            found = found || strcmp(rows[j].name, ad_rules[i].name) == 0;
        if (!found)
            fail_msg("the rule of %s has no row in this file's table", ad_rules[i].name);
    }
}

int main(void)
{
    int n = collect(NULL);
    instance *instances = calloc((size_t)n, sizeof *instances);
    struct CMUnitTest *tests = calloc((size_t)n + 2, sizeof *tests);

    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) < 0)
        return 1;
    collect(instances);
    tests[0] = (struct CMUnitTest)cmocka_unit_test(every_operation_has_a_row);
    tests[1] = (struct CMUnitTest)cmocka_unit_test(every_rule_has_a_row);
    for (int i = 0; i < n; i++)
        tests[i + 2] = (struct CMUnitTest){instances[i].name, holds, NULL, NULL, &instances[i]};
    int failed = _cmocka_run_group_tests("gradients", tests, (size_t)n + 2, NULL, NULL);
    free(tests);
    free(instances);
    device_close();
    return failed;
}
