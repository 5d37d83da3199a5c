/* disk.c - a disk that is full at every write there is. Within this process, which
 * starts itself again with the shim preloaded, each call of each writer fails in
 * turn: what was there before stays whole, and nothing half-written is left. Then
 * whole runs: one failing call, or a disk that stays full from some call on; the
 * same command, with room again, must leave what an undisturbed run leaves. */
#include "nights.h"

#include "../datasets/store.h"
#include "../harness/cache.h"
#include "../harness/checkpoint.h"
#include "../harness/data.h"
#include "../harness/sheet.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

static disk_state *disk; /* of this process */
static night undisturbed;

static char *in_folder(const char *name)
{
    return text_format("%s/written/%s", here, name);
}

/* --- writers, one at a time --- */

static int write_whole(const char *path, int which)
{
    char bytes[40000];
    memset(bytes, 'a' + which, sizeof bytes);
    return file_write(path, bytes, sizeof bytes);
}

static int write_cache(const char *path, int which)
{
    float values[600];
    for (int i = 0; i < 600; i++)
        values[i] = (float)(i + which);
    const cache_array a[2] = {{"a", CACHE_REAL, 300, 2, values}, {"b", CACHE_REAL, 600, 1, values}};
    return cache_write(path, "what it is made of", a, 2);
}

static int write_checkpoint(const char *path, int which)
{
    float values[3000];
    const float *all[] = {values};
    const char *const pairs[] = {"made", "here", NULL};
    for (int i = 0; i < 3000; i++)
        values[i] = (float)(i + which);
    const checkpoint_tensor t = {.name = "w", .ndims = 1, .dims = {3000}, .count = 3000};
    return checkpoint_save(path, &t, all, 1, pairs);
}

static const char *const header[] = {"a", "b", "c"};

/* A row that replaces the first, and one that is added. */
static int write_sheet(const char *path, int which)
{
    static const char *const rows[2][3] = {{"1", "2", "3"}, {"4", "5", "6"}};
    sheet *s;
    if (sheet_open(&s, path, header, 3, SHEET_WRITE) != 0)
        return -1;
    int rc = sheet_put(s, sheet_rows(s) ? 0 : -1, rows[which]);
    if (rc == 0)
        rc = sheet_put(s, -1, rows[which]);
    sheet_close(s);
    return rc;
}

static int write_set(const char *path, int which)
{
    enum { IMAGES = 40, SIDE = 32 };
    static uint8_t px[IMAGES * SIDE * SIDE * 3];
    int32_t labels[IMAGES];
    store *s;
    for (size_t i = 0; i < sizeof px; i++)
        px[i] = (uint8_t)(i * 7 + (size_t)which);
    for (int i = 0; i < IMAGES; i++)
        labels[i] = i % 3;
    const store_header h = {.name = "drawn", .mean = (double[]){0, 0, 0}, .std = (double[]){1, 1, 1}};
    if (store_create(&s, path, &h) != 0)
        return -1;
    if (store_split(s, "test", IMAGES, SIDE, "from\tnowhere\n") != 0 || store_images(s, px, labels, IMAGES) != 0) {
        store_discard(s);
        return -1;
    }
    return store_commit(s);
}

static const struct writer {
    const char *name;
    int (*write)(const char *path, int which);
    int appends; /* a part of what is new may stay, as whole rows */
} writers[] = {{"whole.txt", write_whole, 0},
               {"entry.h5", write_cache, 0},
               {"net.safetensors", write_checkpoint, 0},
               {"rows.csv", write_sheet, 1},
               {"set.h5", write_set, 0}};

static int files_written(void)
{
    int n = 0;
    char *path = in_folder("");
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    free(path);
    return n;
}

/* Every row is whole. */
static void whole_rows(const char *path)
{
    sheet *s;
    if (sheet_open(&s, path, header, 3, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    assert_true(sheet_rows(s) >= 1);
    sheet_close(s);
}

static void as_before(const struct writer *w, const char *path, const char *before, uint64_t call)
{
    char digest[FILE_DIGEST];
    assert_int_equal(file_digest(digest, path), 0);
    if (w->appends)
        whole_rows(path);
    else if (strcmp(digest, before) != 0)
        fail_msg("%s is another after failing call %llu", w->name, (unsigned long long)call);
    if (files_written() != 1)
        fail_msg("%s: something is left beside it after failing call %llu", w->name, (unsigned long long)call);
}

/* Each call of the writer fails; `last`: that one alone, or all that follow as well. */
static void fails_everywhere(const struct writer *w, int stays_full)
{
    char before[FILE_DIGEST], *path = in_folder(w->name);
    int bad = 0;
    disk->first = 0;
    if (w->write(path, 0) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(file_digest(before, path), 0);
    disk->calls = 0;
    assert_int_equal(w->write(path, 1), 0);
    uint64_t calls = disk->calls;
    assert_true(calls >= 3);
    unlink(path);
    assert_int_equal(w->write(path, 0), 0);
    for (uint64_t n = 1; n <= calls; n++) {
        disk->calls = 0;
        disk->failed = 0;
        disk->last = stays_full ? DISK_ALWAYS : n;
        disk->first = n;
        int rc = w->write(path, 1);
        disk->first = 0;
        assert_true(disk->failed >= 1);
        if (rc != 0) {
            as_before(w, path, before, n);
            assert_non_null(strstr(fault_text(), "No space left on device"));
            bad++;
        }
        unlink(path);
        assert_int_equal(w->write(path, 0), 0); /* and the next one goes well */
    }
    assert_true(bad > 0);
    unlink(path);
    free(path);
}

static void every_writer(void **state)
{
    (void)state;
    if (!disk)
        skip();
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
        for (int full = 0; full < 2; full++)
            fails_everywhere(&writers[i], full);
}

/* --- whole runs --- */

static const char arguments[] = "--score msp,knn --train ce";

/* What a run says and does when its disk fails: it ends by itself, with a sentence when it gives up. */
static void must_end_well(int status, const char *said, uint64_t call)
{
    if (status != 0 && status != 1 && status != EXIT_CONFIG)
        fail_msg("call %llu: status %d\n%s", (unsigned long long)call, status, said);
    if (status != 0 && !strstr(said, "No space left on device"))
        fail_msg("call %llu: nothing is said of the disk:\n%s", (unsigned long long)call, said);
}

static void forget(const char *name)
{
    char *path = text_format("%s/%s", here, name);
    remove_tree(path);
    free(path);
}

static void survives(uint64_t call, int stays_full, const char *out)
{
    int status;
    unsigned failed;
    night n;
    disk_state *d = disk_arm(here, call, stays_full ? DISK_ALWAYS : call, ENOSPC);
    char *said = night_run(&status, out, arguments);
    disk_disarm(d, &failed);
    if (!failed)
        fail_msg("call %llu was not reached", (unsigned long long)call);
    must_end_well(status, said, call);
    free(said);
    said = night_run(&status, out, arguments);
    if (status != 0)
        fail_msg("after call %llu failed:\n%s", (unsigned long long)call, said);
    free(said);
    night_read(&n, out);
    night_same(&undisturbed, &n);
    night_free(&n);
    forget(out);
    forget("imported");
}

static void whole_runs(void **state)
{
    (void)state;
    int status, points = nights_long() ? 100000 : 4;
    if (!disk)
        skip();
    free(night_run(&status, "undisturbed", arguments));
    assert_int_equal(status, 0);
    night_read(&undisturbed, "undisturbed");
    forget("imported");
    disk_state *d = disk_arm(here, 0, 0, ENOSPC);
    free(night_run(&status, "counted", arguments));
    uint64_t calls = disk_disarm(d, NULL);
    forget("imported");
    assert_int_equal(status, 0);
    assert_true(calls > 50);
    calls -= calls / 20; /* runs differ by a few: how often a state is saved depends on the clock */
    uint64_t step = calls / (uint64_t)points > 1 ? calls / (uint64_t)points : 1;
    for (uint64_t n = 1 + step / 3; n <= calls; n += step) {
        nights_progress("failing call", n, calls);
        survives(n, 0, "once");
        survives(n, 1, "full");
    }
    night_free(&undisturbed);
}

/* A file system that is truly full, where one may be mounted: by root, or as root of a namespace. */
static int mounted(const char *folder, const char *size)
{
    char map[64];
    long me = (long)geteuid();
    if (unshare(CLONE_NEWNS | (me ? CLONE_NEWUSER : 0)) != 0)
        return 0;
    snprintf(map, sizeof map, "0 %ld 1", me);
    int fd = me ? open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC) : -1;
    int good = !me || (fd >= 0 && write(fd, map, strlen(map)) > 0);
    if (fd >= 0)
        close(fd);
    return good && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("oodbench", folder, "tmpfs", 0, size) == 0;
}

static void small_file_system(void **state)
{
    static const char *const sizes[] = {"size=64k", "size=1200k", "size=1500k", "size=1800k", "size=64m"};
    (void)state;
    int status, full = 0;
    night n, quiet;
    char *folder = text_format("%s/small", here);
    assert_int_equal(file_mkdirs(folder), 0);
    if (!mounted(folder, sizes[0])) {
        rmdir(folder);
        free(folder);
        skip();
    }
    free(night_run(&status, "large", arguments)); /* imports the images, too */
    assert_int_equal(status, 0);
    night_read(&quiet, "large");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT, sizes[i]), 0);
        char *said = night_run(&status, "small", arguments);
        must_end_well(status, said, 0);
        full += status != 0;
        free(said);
    }
    assert_true(full > 0);
    assert_int_equal(status, 0);
    night_read(&n, "small");
    night_same(&quiet, &n);
    night_free(&n);
    night_free(&quiet);
    assert_int_equal(umount(folder), 0);
    rmdir(folder);
    free(folder);
}

/* The shim's state in the process that it is preloaded to. */
static int adopt_disk(const char *folder)
{
    int fd = open(getenv(DISK_STATE), O_RDWR | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return -1;
    disk = at;
    snprintf(here, sizeof here, "%s", folder);
    unsetenv("LD_PRELOAD"); /* those that are started from here are another matter */
    return program_find();
}

/* The first time: makes the folder, and starts this program again with the shim preloaded. */
static int begin(void)
{
    const char *again = getenv("DISK_TEST_FOLDER");
    if (again)
        return adopt_disk(again);
    if (nights_begin("disk") != 0)
        return -1;
    char *written = in_folder("");
    int rc = file_mkdirs(written);
    if (rc == 0 && disk_arm(written, 0, 0, ENOSPC)) {
        setenv("DISK_TEST_FOLDER", here, 1);
        execl("/proc/self/exe", "disk", (char *)NULL);
        rc = -1;
    }
    free(written);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_writer),
        cmocka_unit_test(whole_runs),
        cmocka_unit_test(small_file_system),
    };
    return begin() == 0 ? cmocka_run_group_tests(tests, NULL, program_end) : 1;
}
