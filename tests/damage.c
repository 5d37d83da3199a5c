/* damage.c - files that were cut short, or of which one bit is another: data sets,
 * cached features, kept scores, checkpoints, states of trainings. Each is noticed by
 * its checksum; what can be computed again is, the rest is named with what to do. */
#include "../harness/data.h"
#include "../harness/scores.h"
#include "../harness/verify.h"
#include "nights.h"

#include <errno.h>
#include <glob.h>

static const char usual[] = "--score msp,knn --train ce";
static night undisturbed;

static int begin(void **state)
{
    (void)state;
    int status;
    if (nights_begin("damage") != 0)
        return -1;
    free(night_run(&status, "undisturbed", usual));
    night_read(&undisturbed, "undisturbed");
    return status;
}

static int end(void **state)
{
    night_free(&undisturbed);
    return program_end(state);
}

enum damage { CUT, HALVED, FLIPPED_EARLY, FLIPPED_MIDDLE, FLIPPED_LATE, DAMAGES };

/* Written as a stranger would, in place. */
static void do_damage(const char *path, enum damage how)
{
    char *bytes;
    size_t n;
    assert_int_equal(file_read(path, &bytes, &n), 0);
    size_t at[DAMAGES] = {[FLIPPED_EARLY] = n / 3, [FLIPPED_MIDDLE] = n / 2, [FLIPPED_LATE] = n - n / 8};
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (how == CUT || how == HALVED) {
        assert_int_equal(ftruncate(fd, (off_t)(how == CUT ? n - 1 : n / 2)), 0);
    } else {
        bytes[at[how]] ^= 4;
        assert_int_equal(pwrite(fd, &bytes[at[how]], 1, (off_t)at[how]), 1);
    }
    close(fd);
    free(bytes);
}

/* The first file that matches below `here`, to be freed. */
static char *find(const char *pattern)
{
    glob_t found;
    char *all = text_format("%s/%s", here, pattern);
    if (glob(all, 0, NULL, &found) != 0)
        fail_msg("there is no %s", all);
    char *path = text_copy(found.gl_pathv[0]);
    globfree(&found);
    free(all);
    return path;
}

/* Copies what the quiet run left, so that each damage meets a whole folder. */
static void copy(const char *out)
{
    char *command = text_format("rm -rf '%s/%s' && cp -r '%s/undisturbed' '%s/%s'", here, out, here, here, out);
    assert_int_equal(system(command), 0);
    free(command);
}

static void same_in_the_end(const char *out)
{
    night n;
    night_read(&n, out);
    night_same(&undisturbed, &n);
    night_free(&n);
}

/* Another scorer needs the features: they are extracted again. */
static void damaged_features(void **state)
{
    (void)state;
    int status;
    for (enum damage how = CUT; how < DAMAGES; how++) {
        copy("features");
        glob_t all;
        char *pattern = text_format("%s/features/cache/features-*.h5", here);
        assert_int_equal(glob(pattern, 0, NULL, &all), 0);
        for (size_t i = 0; i < all.gl_pathc; i++)
            do_damage(all.gl_pathv[i], how);
        globfree(&all);
        free(pattern);
        pattern = text_format("%s/features/results.csv", here);
        unlink(pattern);
        free(pattern);
        char *said = night_run(&status, "features", usual);
        if (status != 0)
            fail_msg("%s", said);
        free(said);
        same_in_the_end("features");
    }
}

/* A bit of the scores themselves: most of so small a file is HDF5's, and much of that unused. */
static void flip_score(const char *path)
{
    char *out = text_format("%s/scores", here), *bytes, run[64] = "";
    float *scores;
    size_t size;
    int64_t n;
    sscanf(strstr(path, "/scores/scores/") + strlen("/scores/scores/"), "%63[^/]", run);
    assert_int_equal(scores_read(out, run, "plasma", &scores, &n), 0);
    assert_int_equal(file_read(path, &bytes, &size), 0);
    char *at = memmem(bytes, size, scores, (size_t)n * sizeof *scores);
    assert_non_null(at);
    at[n / 2] ^= 1;
    assert_int_equal(file_write(path, bytes, size), 0);
    free(scores);
    free(bytes);
    free(out);
}

/* Rows whose scores are damaged are computed again. */
static void damaged_scores(void **state)
{
    (void)state;
    int status;
    for (enum damage how = CUT; how <= FLIPPED_EARLY; how++) {
        copy("scores");
        char *path = find("scores/scores/*/plasma.h5");
        if (how == FLIPPED_EARLY)
            flip_score(path);
        else
            do_damage(path, how);
        char *said = night_run(&status, "scores", usual);
        if (status != 0)
            fail_msg("%s", said);
        says(said, "1 row to compute");
        free(said);
        free(path);
        same_in_the_end("scores");
    }
}

/* Named by the row that needs it; deleted, it is trained again to the same bytes. */
static void damaged_checkpoint(void **state)
{
    (void)state;
    int status;
    for (enum damage how = CUT; how < DAMAGES; how++) {
        copy("weights");
        char *path = find("weights/weights/*.safetensors");
        do_damage(path, how);
        char *csv = text_format("%s/weights/results.csv", here);
        unlink(csv);
        char *said = night_run(&status, "weights", usual);
        assert_int_equal(status, 1);
        says(said, path);
        says(said, how >= FLIPPED_EARLY ? "its data are damaged" : "damaged");
        free(said);
        unlink(path);
        said = night_run(&status, "weights", usual);
        if (status != 0)
            fail_msg("%s", said);
        free(said);
        free(csv);
        free(path);
        same_in_the_end("weights");
    }
}

static void damaged_data(void **state)
{
    (void)state;
    int status;
    char *path = find("imported/tiny/plasma.h5"), *said, *kept;
    size_t n;
    assert_int_equal(file_read(path, &kept, &n), 0);
    for (enum damage how = CUT; how < DAMAGES; how++) {
        do_damage(path, how);
        said = night_run(&status, "data", usual);
        if (status == 0) /* cut by a byte that holds nothing, say: then it was imported again */
            same_in_the_end("data");
        else
            assert_int_equal(status, EXIT_CONFIG);
        if (status != 0)
            night_one_line(said, "plasma.h5");
        free(said);
        if (how >= FLIPPED_EARLY)
            assert_int_equal(status, EXIT_CONFIG);
        assert_int_equal(file_write(path, kept, n), 0);
    }
    unlink(path);
    said = night_run(&status, "data", usual);
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    same_in_the_end("data");
    free(path);
    free(kept);
}

/* The commands that look at everything name what is damaged, and count the rest. */
static void full_looks(const char *damaged)
{
    int status;
    char *said = output(&status, "inspect '%s'", damaged);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "newshapes.h5: the images or labels of `test` are damaged");
    free(said);
    said = output(&status, "doctor --benchmark '%s/tiny.yml' --imported '%s/imported' --verify", here, here);
    assert_int_equal(status, 1);
    says(said, "newshapes.h5: the images or labels of `test` are damaged");
    says(said, "1 damaged, 2 whole: ");
    free(said);
}

/* Believed while nobody writes to it, looked at again when somebody has. */
static void verified_once(void **state)
{
    (void)state;
    char *path = find("imported/tiny/newshapes.h5"), *note = text_format("%s.verified", path);
    assert_true(file_exists(note)); /* importing has noted it */
    unlink(note);
    assert_int_equal(verify_set(path), 0);
    assert_true(file_exists(note));
    struct stat before;
    assert_int_equal(stat(path, &before), 0);
    do_damage(path, FLIPPED_MIDDLE);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0); /* as a disk that rots leaves it */
    assert_int_equal(verify_set(path), 0);
    assert_int_equal(verify_fully(path), -1);
    if (!strstr(fault_text(), "newshapes.h5: the images or labels of `test` are damaged"))
        fail_msg("%s", fault_text());
    assert_false(file_exists(note)); /* and no run believes it any more */
    full_looks(path);
    do_damage(path, FLIPPED_MIDDLE); /* back again */
    assert_int_equal(verify_set(path), 0);
    assert_true(file_exists(note));
    free(note);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_features), cmocka_unit_test(damaged_scores), cmocka_unit_test(damaged_checkpoint),
        cmocka_unit_test(damaged_data),     cmocka_unit_test(verified_once),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
