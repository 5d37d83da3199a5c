/* given.c - `oodbench score`: files of features in every format give the same scores, as
 * the same numbers give without a file; what is missing and what is wrong is said. */
#include "toy.h"

#include "program.h"

#include "../harness/given_features.h"
#include "../harness/results.h"
#include "givens.h"

static int begin(void **state)
{
    (void)state;
    toy_begin();
    int rc = program_begin("given");
    setenv("ASAN_OPTIONS", "handle_segv=0", 0); /* under `make san`, a crash is one */
    unsetenv("OODBENCH_METHODS");               /* by default every method there is takes part */
    return rc;
}

/* --- in this process --- */

static given *opened(const char *name, double cosine)
{
    char *path = given_path(name);
    given *g;
    if (given_open(&g, path, cosine, 0) != 0 || given_check(g) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return g;
}

/* What a method gives the set `far/probe` of a file. */
static void score_file(const given *g, const char *name, const char *parameters, float *scores)
{
    run r;
    samples s;
    extractor e = {.given = g, .precision = "f32"};
    toy_open_device("ref");
    assert_int_equal(given_net(&e.net, g), 0);
    plugin *p = toy_method(name, parameters);
    run_begin(&r, &e, GIVEN_ID, 0);
    samples_begin(&s, &r, "probe", "test");
    tx_open();
    score_fit(p, &r);
    assert_int_equal(score_samples(p, &r, &s, scores), 0);
    tx_close();
    samples_end(&s);
    run_end(&r);
    plugin_close(p);
    nn_free(e.net);
}

/* The specification's problem T as a file, as wide as toys are; the probe is (2, 1). */
static const float probe[2] = {2, 1};

static void put_rows(givens *g, const char *set, const float *rows, const int32_t *labels, int n)
{
    char name[64];
    snprintf(name, sizeof name, "%s/features", set);
    piece *f = add_piece(g, name, n, TOY_WIDTH);
    for (int i = 0; i < n; i++)
        memcpy(f->floats + i * TOY_WIDTH, rows + 2 * i, 2 * sizeof *rows);
    snprintf(name, sizeof name, "%s/logits", set);
    piece *z = add_piece(g, name, n, toy_t.classes);
    for (int i = 0; i < n * toy_t.classes; i++) {
        const float *h = rows + i / toy_t.classes * 2, *w = toy_t.weight + i % toy_t.classes * 2;
        z->floats[i] = w[0] * h[0] + w[1] * h[1] + toy_t.bias[i % toy_t.classes];
    }
    snprintf(name, sizeof name, "%s/labels", set);
    piece *y = labels ? add_piece(g, name, n, 0) : NULL;
    for (int i = 0; y && i < n; i++)
        y->labels[i] = labels[i];
    if (y)
        y->whole = 1;
}

static givens toy_givens(void)
{
    givens g = {.n = 0};
    piece *w = add_piece(&g, "head/weight", toy_t.classes, TOY_WIDTH);
    for (int k = 0; k < toy_t.classes; k++)
        memcpy(w->floats + k * TOY_WIDTH, toy_t.weight + 2 * k, 2 * sizeof(float));
    memcpy(add_piece(&g, "head/bias", toy_t.classes, 0)->floats, toy_t.bias, 3 * sizeof(float));
    for (int s = 0; s < 3; s++)
        put_rows(&g, (const char *const[]){"train", "val", "test"}[s], toy_t_features, toy_t_labels, 6);
    put_rows(&g, "far/probe", probe, NULL, 1);
    return g;
}

static const struct {
    const char *method, *parameters;
} scorers[] = {{"msp", ""},      {"ebo", ""},           {"knn", "k=2"}, {"mds", ""},
               {"vim", "dim=1"}, {"dice", ""},          {"react", ""},  {"temp_scaling", ""},
               {"she", ""},      {"nnguide", "k=2"},    {"fdbd", ""},   {"gradnorm", ""},
               {"klm", ""},      {"residual", "dim=1"}, {"ash_s", ""},  {"delta_energy", ""}};
enum { SCORERS = sizeof scorers / sizeof *scorers };

static void expect_toys(const given *g)
{
    for (int i = 0; i < SCORERS; i++) {
        float got;
        score_file(g, scorers[i].method, scorers[i].parameters, &got);
        float want = toy_score("ref", &toy_t, scorers[i].method, scorers[i].parameters, probe);
        if (!(got == want))
            fail_msg("%s: %.9g of the file, %.9g of the same numbers", scorers[i].method, (double)got,
                     (double)want);
    }
    toy_close();
}

static void scores_are_those_of_the_numbers(void **state)
{
    (void)state;
    givens all = toy_givens();
    write_hdf(&all, "toy.h5", H5T_IEEE_F32LE, 0);
    given *g = opened("toy.h5", 0);
    expect_toys(g);
    given_close(g);
    drop_pieces(&all, "/logits"); /* then the head computes them; exact in problem T */
    write_hdf(&all, "toy.h5", H5T_IEEE_F32LE, 0);
    g = opened("toy.h5", 0);
    expect_toys(g);
    given_close(g);
    free_givens(&all);
}

/* Cosines of (3, 4) and (1, 0), (-2, 0), times ten; features are as long as one. */
static void cosines_are_logits(void **state)
{
    (void)state;
    givens all = {.n = 0};
    memcpy(add_piece(&all, "head/weight", 2, 2)->floats, (const float[]){1, 0, -2, 0}, 16);
    memcpy(add_piece(&all, "test/features", 2, 2)->floats, (const float[]){3, 4, 0, 0.5f}, 16);
    memcpy(add_piece(&all, "far/probe/features", 1, 2)->floats, (const float[]){3, 4}, 8);
    write_hdf(&all, "clip.h5", H5T_IEEE_F32LE, 0);
    given *g = opened("clip.h5", 10);
    extractor e = {.given = g, .precision = "f32"};
    features f;
    float energy;
    toy_open_device("ref");
    assert_int_equal(given_net(&e.net, g), 0);
    assert_int_equal(given_begin(&f, &e, GIVEN_ID, "test"), 0);
    assert_int_equal(given_fetch(&f, &e, GIVEN_ID, "test", GIVEN_LOGITS), 0);
    assert_float_equal(f.values[0], 0.6, 1e-6);
    assert_float_equal(f.values[1], 0.8, 1e-6);
    assert_float_equal(f.values[3], 1, 0);
    assert_float_equal(f.logits[0], 6, 1e-5);
    assert_float_equal(f.logits[1], -6, 1e-5);
    assert_float_equal(f.logits[2], 0, 0);
    features_free(&f);
    nn_free(e.net);
    score_file(g, "ebo", "", &energy);
    assert_float_equal(energy, 6 + log1p(exp(-12)), 1e-5);
    given_close(g);
    free_givens(&all);
}

/* The names that programs for CLIP write, in any format; rows of any length. */
static void names_of_clip_are_known(void **state)
{
    (void)state;
    static const char *const names[][3] = {
        {"head/weight", "test/features", "far/probe/features"},
        {"text_features", "test/image_features", "far/probe/image_features"},
        {"text_embeds", "test_image_embeds", "far_probe_image_embeds"},
        {"text.embeddings", "test.image_embeddings", "ood.probe.image_embeddings"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        givens all = {.n = 0};
        float energy;
        memcpy(add_piece(&all, names[i][0], 2, 2)->floats, (const float[]){1, 0, -2, 0}, 16);
        memcpy(add_piece(&all, names[i][1], 2, 2)->floats, (const float[]){3, 4, 0, 0.5f}, 16);
        memcpy(add_piece(&all, names[i][2], 1, 2)->floats, (const float[]){30, 40}, 8);
        write_hdf(&all, "named.h5", H5T_IEEE_F32LE, 0);
        given *g = opened("named.h5", 10);
        assert_non_null(given_find(g, GIVEN_FAR, "probe"));
        toy_open_device("ref");
        score_file(g, "ebo", "", &energy);
        assert_float_equal(energy, 6 + log1p(exp(-12)), 1e-5);
        given_close(g);
        free_givens(&all);
    }
}

/* A tile ends where the set does: rows are computed twice, and are the same. */
static void many_logits_are_computed_in_tiles(void **state)
{
    (void)state;
    givens all = usual_givens();
    add_set(&all, "far/probe", 2500, 1, 0);
    float *want = calloc(2500 * CLASSES, sizeof *want);
    memcpy(want, find_piece(&all, "far/probe/logits")->floats, 2500 * CLASSES * sizeof *want);
    drop_pieces(&all, "/logits");
    write_hdf(&all, "many.h5", H5T_IEEE_F32LE, 0);
    given *g = opened("many.h5", 0);
    extractor e = {.given = g, .precision = "f32"};
    features f;
    toy_open_device("ref");
    assert_int_equal(given_net(&e.net, g), 0);
    assert_int_equal(given_begin(&f, &e, "probe", "test"), 0);
    assert_int_equal(given_fetch(&f, &e, "probe", "test", GIVEN_LOGITS), 0);
    assert_int_equal(f.n, 2500);
    assert_memory_equal(f.logits, want, 2500 * CLASSES * sizeof *want);
    features_free(&f);
    nn_free(e.net);
    given_close(g);
    free(want);
    free_givens(&all);
}

/* --- formats --- */

static char *score_into(int *status, const char *name, const char *out, const char *more)
{
    return output(status, "score '%s/%s' --device cpu --threads 1 --out '%s/%s' %s", here, name, here, out, more);
}

static sheet *results_of(const char *out)
{
    sheet *s = NULL;
    char *path = text_format("%s/%s/results.csv", here, out);
    if (sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static void same_figures(const sheet *a, const sheet *b, const char *name, enum result_column from)
{
    assert_int_equal(sheet_rows(a), sheet_rows(b));
    for (int row = 0; row < sheet_rows(a); row++)
        for (int col = (int)from; col < RESULT_COLUMNS; col++)
            if (col != RESULT_FIT_S && col != RESULT_SCORE_S && col != RESULT_PEAK_MB && col != RESULT_ACC &&
                strcmp(sheet_at(a, row, col), sheet_at(b, row, col)) != 0)
                fail_msg("%s: %s, %s: %s, expected %s", name, sheet_at(b, row, RESULT_SCORE), result_names[col],
                         sheet_at(b, row, col), sheet_at(a, row, col));
}

static void formats_agree(void **state)
{
    (void)state;
    static const char *const names[] = {"a.h5",       "wide.h5", "packed.h5", "a.npz",
                                        "packed.npz", "folder",  "half.h5",   "a.safetensors"};
    givens all = usual_givens();
    write_hdf(&all, "a.h5", H5T_IEEE_F32LE, 0);
    write_hdf(&all, "wide.h5", H5T_IEEE_F64BE, 0);
    write_hdf(&all, "packed.h5", H5T_IEEE_F64LE, 1);
    write_npz(&all, "a.npz", "<f4", 0);
    write_npz(&all, "packed.npz", "<f8", 1);
    write_folder(&all, "folder", "<f4");
    write_tensors(&all, "a.safetensors");
    drop_pieces(&all, "/logits"); /* the head computes the same */
    hid_t half = half_type();
    write_hdf(&all, "half.h5", half, 1);
    H5Tclose(half);
    sheet *first = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int status;
        char *out = text_format("out-%s", names[i]);
        char *said = score_into(&status, names[i], out, "--score msp,knn,dice,vim --knn.k 5 --vim.dim 3");
        if (status != 0)
            fail_msg("%s: %s", names[i], said);
        sheet *s = results_of(out);
        assert_int_equal(sheet_rows(s), 8);
        if (first)
            same_figures(first, s, names[i], RESULT_ID);
        else
            first = s;
        int floats_alone = strstr(names[i], ".safetensors") != NULL; /* and so no labels */
        assert_string_equal(sheet_at(s, 0, RESULT_ACC), floats_alone ? "" : "100");
        if (floats_alone)
            says(said, "  -\n"); /* an accuracy that is not known */
        if (s != first)
            sheet_close(s);
        free(said);
        free(out);
    }
    sheet_close(first);
    free_givens(&all);
}

/* --- the whole command --- */

static void every_scorer_takes_part(void **state)
{
    (void)state;
    int status;
    givens all = usual_givens();
    add_set(&all, "csid/fog", 45, 0.25, 1);
    write_hdf(&all, "all.h5", H5T_IEEE_F32LE, 0);
    const char *more = "--vim.dim 3 --residual.dim 3 --gen.m 3 --knn.k 5 --nnguide.k 5 --id cifar10";
    char *said = score_into(&status, "all.h5", "all", more);
    assert_int_equal(status, 0);
    says(said, "left out: gram, odin, rankfeat, which look at images: all.h5 has none");
    says(said, "delta_energy (reconstruction)");
    says(said, "cifar10+fog");
    free(said);
    said = score_into(&status, "all.h5", "all", more);
    assert_int_equal(status, 0);
    says(said, " 0 rows to compute");
    free(said);
    find_piece(&all, "near/tin/features")->floats[0] += 1;
    drop_piece(&all, "near/tin/logits");
    write_hdf(&all, "all.h5", H5T_IEEE_F32LE, 0);
    said = score_into(&status, "all.h5", "all", "--score msp --id cifar10");
    assert_int_equal(status, 0);
    says(said, " 5 rows to compute"); /* near, far and csid, and the full spectrum of two */
    free(said);
    free_givens(&all);
}

static void parameters_are_searched(void **state)
{
    (void)state;
    int status;
    givens all = usual_givens();
    write_hdf(&all, "search.h5", H5T_IEEE_F32LE, 0);
    char *said = score_into(&status, "search.h5", "search", "--score ash_s --search");
    assert_int_equal(status, 0);
    says(said, "the best of 7 points");
    says(said, "ash_s searched");
    free(said);
    drop_pieces(&all, "tune/");
    write_hdf(&all, "search.h5", H5T_IEEE_F32LE, 0);
    said = score_into(&status, "search.h5", "search", "--score ash_s --search");
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "has no tune/NAME");
    free(said);
    free_givens(&all);
}

static void what_is_missing_is_left_out(void **state)
{
    (void)state;
    int status;
    givens all = usual_givens();
    drop_pieces(&all, "head/");
    drop_pieces(&all, "train/");
    rename_piece(&all, "near/tin/features", "ood/tin/features");
    rename_piece(&all, "near/tin/logits", "ood/tin/logits");
    write_hdf(&all, "few.h5", H5T_IEEE_F32LE, 0);
    char *said = score_into(&status, "few.h5", "few", "--gen.m 3");
    assert_int_equal(status, 0);
    says(said, "needs: the last layer, head/weight, which few.h5 does not have");
    says(said, "needs: the set train, which few.h5 does not have");
    sheet *s = results_of("few");
    assert_true(sheet_find(s, RESULT_SCORE, "msp", RESULT_OOD, "tin") >= 0);
    assert_true(sheet_find(s, RESULT_SCORE, "temp_scaling", RESULT_GROUP, "far") >= 0);
    assert_int_equal(sheet_find(s, RESULT_SCORE, "dice", RESULT_OOD, "tin"), -1);
    assert_int_equal(sheet_find(s, RESULT_SCORE, "knn", RESULT_OOD, "tin"), -1);
    for (int row = 0; row < sheet_rows(s); row++)
        assert_true(result_ok(s, row));
    sheet_close(s);
    free(said);
    said = score_into(&status, "few.h5", "named", "--score knn,msp");
    assert_int_equal(status, 1);
    says(said, "on noise_2, tin: needs: the set train");
    free(said);
    said = score_into(&status, "few.h5", "images", "--score odin");
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "oodbench: --score: odin looks at images, and few.h5 has none");
    free(said);
    drop_pieces(&all, "/logits");
    write_hdf(&all, "few.h5", H5T_IEEE_F32LE, 0);
    said = score_into(&status, "few.h5", "no-logits", "--score msp,ash_p");
    assert_int_equal(status, 1);
    says(said, "needs: test/logits, which few.h5 does not have");
    free(said);
    free_givens(&all);
}

static void a_bad_plugin_costs_its_rows(void **state)
{
    (void)state;
    int status;
    givens all = usual_givens();
    char *bad = text_format("%.*s/tests/bad", (int)(strrchr(program, '/') - program), program);
    write_hdf(&all, "bad.h5", H5T_IEEE_F32LE, 0);
    setenv("OODBENCH_METHODS", bad, 1);
    char *said = score_into(&status, "bad.h5", "bad", "--score crash,msp");
    unsetenv("OODBENCH_METHODS");
    assert_int_equal(status, 1);
    sheet *s = results_of("bad");
    assert_int_equal(sheet_rows(s), 4);
    int crashed = sheet_find(s, RESULT_SCORE, "crash", RESULT_OOD, "tin");
    assert_true(crashed >= 0 && strncmp(sheet_at(s, crashed, RESULT_STATUS), "crash: SIG", 10) == 0);
    assert_true(result_ok(s, sheet_find(s, RESULT_SCORE, "msp", RESULT_OOD, "tin")));
    sheet_close(s);
    free(said);
    free(bad);
    free_givens(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_the_numbers),
        cmocka_unit_test(cosines_are_logits),
        cmocka_unit_test(names_of_clip_are_known),
        cmocka_unit_test(many_logits_are_computed_in_tiles),
        cmocka_unit_test(formats_agree),
        cmocka_unit_test(every_scorer_takes_part),
        cmocka_unit_test(parameters_are_searched),
        cmocka_unit_test(what_is_missing_is_left_out),
        cmocka_unit_test(a_bad_plugin_costs_its_rows),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
