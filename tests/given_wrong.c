/* given_wrong.c - `oodbench score`: what is wrong with a file of features, or with the
 * command, is said in one line, and nothing is written. */
#include "program.h"

#include "../harness/given.h"
#include "givens.h"

static int begin(void **state)
{
    (void)state;
    return program_begin("given-wrong");
}

static char *score_into(int *status, const char *name, const char *out, const char *more)
{
    return output(status, "score '%s/%s' --device cpu --threads 1 --out '%s/%s' %s", here, name, here, out, more);
}

static void wide(givens *g)
{
    drop_piece(g, "near/tin/features");
    add_piece(g, "near/tin/features", 30, WIDTH + 1);
}
static void long_labels(givens *g)
{
    drop_piece(g, "test/labels");
    add_piece(g, "test/labels", 61, 0)->whole = 1;
}
static void more_classes(givens *g)
{
    drop_piece(g, "far/noise_2/logits");
    add_piece(g, "far/noise_2/logits", 50, CLASSES + 1);
}
static void turned_head(givens *g)
{
    drop_piece(g, "head/weight");
    add_piece(g, "head/weight", WIDTH, CLASSES);
}
static void other_width(givens *g)
{
    drop_piece(g, "head/weight");
    add_piece(g, "head/weight", CLASSES, WIDTH + 1);
}
static void texts(givens *g)
{
    drop_pieces(g, "logits");
    drop_piece(g, "head/bias");
    rename_piece(g, "head/weight", "text_features");
}
static void texts_and_head(givens *g)
{
    add_piece(g, "text.features", CLASSES, WIDTH);
}
static void no_name_of_images(givens *g)
{
    rename_piece(g, "near/tin/features", "far/image_features");
}
static void not_finite(givens *g)
{
    find_piece(g, "near/tin/features")->floats[3 * WIDTH + 2] = (float)NAN;
}
static void infinite(givens *g)
{
    find_piece(g, "test/logits")->floats[CLASSES + 1] = (float)INFINITY;
}
static void label_too_large(givens *g)
{
    find_piece(g, "val/labels")->labels[7] = CLASSES;
}
static void label_negative(givens *g)
{
    find_piece(g, "train/labels")->labels[9] = -1;
}
static void labels_real(givens *g)
{
    find_piece(g, "train/labels")->whole = 0;
}
static void features_whole(givens *g)
{
    find_piece(g, "train/features")->whole = 1;
}
static void no_rows(givens *g)
{
    drop_pieces(g, "far/");
    add_piece(g, "far/noise_2/features", 0, WIDTH);
}
static void no_test(givens *g)
{
    drop_pieces(g, "test/");
}
static void no_ood(givens *g)
{
    drop_pieces(g, "near/");
    drop_pieces(g, "far/");
}
static void misspelt_set(givens *g)
{
    rename_piece(g, "train/features", "tran/features");
}
static void misspelt_piece(givens *g)
{
    rename_piece(g, "train/features", "train/feature");
}
static void labels_alone(givens *g)
{
    drop_piece(g, "val/features");
    drop_piece(g, "val/logits");
}
static void other_head(givens *g)
{
    find_piece(g, "head/weight")->floats[0] = 40;
}
static void bias_alone(givens *g)
{
    drop_piece(g, "head/weight");
}
static void twice(givens *g)
{
    add_piece(g, "test.features", 60, WIDTH);
}
static void same_name(givens *g)
{
    add_piece(g, "far/tin/features", 60, WIDTH);
}
static void no_name(givens *g)
{
    add_piece(g, "ood/features", 60, WIDTH);
}
static void bad_name(givens *g)
{
    add_piece(g, "ood/a b/features", 60, WIDTH);
}

static void mistakes_are_said(void **state)
{
    (void)state;
    static const struct {
        void (*change)(givens *g);
        const char *words;
    } cases[] = {
        {wide, "near/tin/features has 9 columns, |/features asks for 8"},
        {long_labels, "test/labels has 61 rows|asks for 60"},
        {more_classes, "far/noise_2/logits has 5 columns|asks for 4"},
        {turned_head, "head/weight is [features,classes], expected [classes,features]"},
        {other_width, "head/weight has 9 columns|asks for 8"},
        {texts, "text_features are compared with features by cosine: give --cosine 100"},
        {texts_and_head, "head/weight and text.features are the same"},
        {no_name_of_images, "far/image_features: this set has no name"},
        {not_finite, "near/tin/features: row 3, column 2 is nan"},
        {infinite, "test/logits: row 1, column 1 is inf"},
        {label_too_large, "val/labels: label 7 is 4, expected 0 to 3"},
        {label_negative, "train/labels: label 9 is -1"},
        {labels_real, "train/labels holds floats, expected whole numbers"},
        {features_whole, "train/features holds whole numbers, expected float16"},
        {no_rows, "far/noise_2/features is [0,8]"},
        {no_test, "there is no set `test`"},
        {no_ood, "nothing to tell `test` from"},
        {misspelt_set, "tran/features|did you mean `train`"},
        {misspelt_piece, "train/feature|did you mean `features`"},
        {labels_alone, "val/labels has labels alone"},
        {other_head, "logits are not what features and head give|class 0"},
        {bias_alone, "head/bias but no head/weight"},
        {twice, "test.features|are the same"},
        {same_name, "near/tin and far/tin"},
        {no_name, "ood/features: this set has no name"},
        {bad_name, "ood/a b/features: a set's name has letters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char words[200], *rest = words;
        givens all = usual_givens();
        cases[i].change(&all);
        write_hdf(&all, "wrong.h5", H5T_IEEE_F32LE, 0);
        char *said = score_into(&status, "wrong.h5", "wrong", "--score msp");
        snprintf(words, sizeof words, "%s", cases[i].words);
        for (char *word; (word = strsep(&rest, "|"));)
            says(said, word);
        says(said, "wrong.h5: ");
        if (status != EXIT_CONFIG || strchr(said, '\n') != said + strlen(said) - 1)
            fail_msg("expected one line and exit 2, found %d and %s", status, said);
        char *csv = given_path("wrong/results.csv");
        assert_false(file_exists(csv));
        free(csv);
        free(said);
        free_givens(&all);
    }
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"cut.h5", "cut.npz", "cut.safetensors"};
    givens all = usual_givens();
    write_hdf(&all, "cut.h5", H5T_IEEE_F32LE, 0);
    write_npz(&all, "cut.npz", "<f4", 1);
    write_tensors(&all, "cut.safetensors");
    for (int i = 0; i < 3; i++) {
        char *path = given_path(names[i]), *bytes;
        size_t n;
        assert_int_equal(file_read(path, &bytes, &n), 0);
        for (size_t cut = 1; cut < 8; cut++) {
            given *g;
            assert_int_equal(file_write(path, bytes, n * cut / 8), 0);
            int rc = given_open(&g, path, 0, 0);
            if (rc == 0 && given_check(g) == 0)
                fail_msg("%s: %zu of %zu bytes are not missed", names[i], n - n * cut / 8, n);
            assert_non_null(strstr(fault_text(), names[i]));
            given_close(g);
        }
        free(bytes);
        free(path);
    }
    free_givens(&all);
}

static void arrays_of_other_orders_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *descr, *fortran, *words;
    } cases[] = {{"<f4", "True", "Fortran order"}, {">f4", "False", "big-endian"}};
    for (int i = 0; i < 2; i++) {
        size_t size;
        int status;
        givens all = usual_givens();
        write_folder(&all, "orders", "<f4");
        char *bytes = npy_bytes(find_piece(&all, "train/features"), cases[i].descr, cases[i].fortran, &size);
        char *path = given_path("orders/train_features.npy");
        assert_int_equal(file_write(path, bytes, size), 0);
        char *said = score_into(&status, "orders", "orders-out", "--score msp");
        assert_int_equal(status, EXIT_CONFIG);
        says(said, cases[i].words);
        says(said, "train_features");
        free(said);
        free(path);
        free(bytes);
        free_givens(&all);
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *words;
    } cases[] = {
        {"", "which features?"},
        {"x.h5 --scor msp", "did you mean `--score`"},
        {"x.h5 --epochs 5", "no such option"},
        {"x.h5 y.h5", "one file of features at a time"},
        {"x.h5 --cosine no", "`cosine` must be a number"},
        {"none.h5", "none.h5: No such file"},
        {"/dev/null", "is no file of features"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *said = output(&status, "score %s", cases[i].arguments);
        assert_int_equal(status, EXIT_CONFIG);
        says(said, cases[i].words);
        free(said);
    }
    int status;
    char *said = output(&status, "score --help");
    assert_int_equal(status, 0);
    says(said, "train/features [n,D]");
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(arrays_of_other_orders_are_refused),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
