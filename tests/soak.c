/* soak.c - three nights, each in a folder of its own, with whatever may happen drawn
 * at random: the run or a cell killed, the disk full once or from some moment on, a
 * cached or kept file damaged, the folder gone. Each night the same command is given
 * until nothing is left to do; what it leaves equals an undisturbed night's. The
 * seed is fixed; `make soak` has forty mishaps a night. */
#include "../kernels/random.h"
#include "killing.h"
#include "nights.h"

#include <errno.h>
#include <glob.h>

enum { NIGHTS = 3 };

static const char arguments[] =
    "--train ce,oe --outliers scribbles --score msp,ebo,knn --analyses landscape --landscape.grid 3 "
    "--landscape.images 20 --threads 1";

typedef struct chance { /* draws of one night */
    uint64_t stream, drawn;
} chance;

static int64_t draw(chance *c, int64_t below)
{
    return random_below(c->stream, c->drawn++, below);
}

static void killed(const char *out, chance *c)
{
    pid_t pid = night_start(out, arguments);
    int parent = draw(c, 2) == 0;
    usleep((useconds_t)(1000 + draw(c, 2000000)));
    if (parent)
        kill(pid, SIGKILL);
    else
        cells(kill_it);
    night_wait(pid);
    nobody_is_left();
}

static void disk_full(const char *out, chance *c)
{
    int status;
    uint64_t first = 1 + (uint64_t)draw(c, 400), last = draw(c, 2) ? first : DISK_ALWAYS;
    disk_state *d = disk_arm(here, first, last, ENOSPC);
    if (!d)
        return;
    char *said = night_run(&status, out, arguments);
    disk_disarm(d, NULL);
    if (status != 0 && status != 1 && status != EXIT_CONFIG)
        fail_msg("status %d with a full disk:\n%s", status, said);
    free(said);
}

/* A file of the cache or of the scores: a bit is another, or the end is missing. */
static void damaged(const char *out, chance *c)
{
    static const char *const kinds[] = {"cache/*.h5", "scores/*/*.h5", "weights/*.state"};
    glob_t found;
    char *pattern = text_format("%s/%s/%s", here, out, kinds[draw(c, 3)]), *bytes;
    size_t n;
    if (glob(pattern, 0, NULL, &found) == 0) {
        const char *path = found.gl_pathv[draw(c, (int64_t)found.gl_pathc)];
        assert_int_equal(file_read(path, &bytes, &n), 0);
        size_t at = (size_t)draw(c, (int64_t)n);
        bytes[at] ^= 1;
        assert_int_equal(file_write(path, bytes, draw(c, 2) ? n : at), 0);
        free(bytes);
        globfree(&found);
    }
    free(pattern);
}

static void vanished(const char *out, chance *c)
{
    pid_t pid = night_start(out, arguments);
    usleep((useconds_t)(1000 + draw(c, 1000000)));
    char *folder = text_format("%s/%s", here, out), *command = text_format("rm -rf '%s'", folder);
    (void)!system(command); /* what is written meanwhile may stay */
    night_wait(pid);
    nobody_is_left();
    free(command);
    free(folder);
}

static void (*const mishaps[])(const char *out, chance *c) = {killed,  killed,  killed,  disk_full,
                                                              damaged, damaged, vanished};
enum { MISHAPS = sizeof mishaps / sizeof *mishaps };

static void one_night(const night *quiet, int number, int many)
{
    char *out = text_format("night%d", number), *folder = text_format("%s/%s", here, out), *said;
    chance c = {.stream = random_stream(8, (uint64_t)number)};
    int status;
    night n;
    for (int i = 0; i < many; i++) {
        mishaps[draw(&c, MISHAPS)](out, &c);
        nights_progress(out, (uint64_t)i + 1, (uint64_t)many);
    }
    said = night_run(&status, out, arguments);
    if (status != 0)
        fail_msg("night %d:\n%s", number, said);
    free(said);
    night_read(&n, out);
    night_same(quiet, &n);
    night_free(&n);
    remove_tree(folder);
    free(folder);
    free(out);
}

static void three_nights(void **state)
{
    (void)state;
    int status;
    night quiet;
    char *said = night_run(&status, "quiet", arguments);
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    night_read(&quiet, "quiet");
    for (int i = 0; i < NIGHTS; i++)
        one_night(&quiet, i, nights_long() ? 40 : 2);
    night_free(&quiet);
}

static int begin(void **state)
{
    (void)state;
    return nights_begin("soak");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(three_nights)};
    return cmocka_run_group_tests(tests, begin, program_end);
}
