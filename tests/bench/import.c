/* import.c - images per second from files to HDF5: pictures made here, and the
 * user's own where OODBENCH_DATA names them. What is made here is held against
 * the decoders alone, on as many threads, with the files in memory. */
#include "../../harness/clock.h"
#include "bench.h"

#include "../../datasets/benchmark.h"
#include "../../harness/data.h"
#include "../../harness/fault.h"
#include "../../harness/file.h"
#include "../../kernels/random.h"
#include "pictures.h"

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PNG, JPEG, TAR, CIFAR100, TIN }; /* TAR: the PNGs in one */
enum {
    MADE = 8000,
    PICTURES = 250, /* which repeat */
    FOLDER = 3500,
    PATH = 4500,
    THREADS = 1024
};

static const char *const sets[] = {
    [PNG] = "png", [JPEG] = "jpeg", [TAR] = "tar", [CIFAR100] = "cifar100", [TIN] = "tin"};
static char folder[FOLDER];
static benchmark *bench;
static struct {
    char *bytes;
    size_t size;
} files[PICTURES];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void end(const subject *s)
{
    benchmark_close(bench);
    bench = NULL;
    for (int i = 0; i < PICTURES && s->number <= TAR; i++) {
        free(files[i].bytes);
        files[i].bytes = NULL;
    }
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.3000s/oodbench-bench.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(folder) ? 0 : fault("%s: no folder for files can be made there: set TMPDIR", folder);
}

/* Not by file_write(): thousands of files need not survive a power cut. */
static int put(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    int whole = f && fwrite(bytes, 1, size, f) == size;
    if (f && fclose(f) != 0)
        whole = 0;
    return whole ? 0 : fault("%s: cannot be written: free some space, or set TMPDIR", path);
}

/* A file behind a header of old tars, whose fields are octal, and its sum. */
static void put_member(FILE *tar, int i, const char *bytes, size_t size)
{
    char head[512] = {0}, zeros[512] = {0};
    unsigned sum = 0;
    snprintf(head, 100, "%d/%d.png", i % 100, i);
    snprintf(head + 124, 12, "%011zo", size);
    memset(head + 148, ' ', 8);
    for (size_t k = 0; k < sizeof head; k++)
        sum += (unsigned char)head[k];
    snprintf(head + 148, 8, "%06o", sum);
    fwrite(head, 1, sizeof head, tar);
    fwrite(bytes, 1, size, tar);
    fwrite(zeros, 1, (512 - size % 512) % 512, tar);
}

static int make_tar(void)
{
    static const char yml[] = "classes: [a, b]\nside: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
                              "sets:\n  tar: {group: far, tree: made.tar}\n";
    char path[PATH];
    snprintf(path, sizeof path, "%s/made.tar", folder);
    FILE *tar = fopen(path, "wb");
    for (int i = 0; tar && i < MADE; i++) {
        if (i < PICTURES)
            files[i].bytes = picture_png(32, (uint64_t)i, &files[i].size);
        put_member(tar, i, files[i % PICTURES].bytes, files[i % PICTURES].size);
    }
    int failed = !tar || ferror(tar);
    if (!tar || fclose(tar) != 0 || failed)
        return fault("%s: cannot be written: free some space, or set TMPDIR", path);
    snprintf(path, sizeof path, "%s/made.yml", folder);
    return put(path, yml, strlen(yml));
}

/* MADE files, a list of them, and a benchmark of the one set. */
static int make_files(int which)
{
    static const char yml[] =
        "classes: [a, b]\nside: 32\nresize: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
        "lists: data\nimages: data\nsets:\n  %s:\n    group: far\n    test: list.txt\n";
    char path[PATH], text[sizeof yml + 16], *lines = NULL;
    size_t size;
    FILE *list = open_memstream(&lines, &size);
    int rc = list ? 0 : fault("no memory for a list");
    snprintf(path, sizeof path, "%s/data", folder);
    rc = rc == 0 ? file_mkdirs(path) : rc;
    for (int i = 0; i < MADE && rc == 0; i++) {
        if (i < PICTURES)
            files[i].bytes = which != JPEG ? picture_png(32, (uint64_t)i, &files[i].size)
                                           : picture_jpeg(64, (uint64_t)i, &files[i].size);
        snprintf(path, sizeof path, "%s/data/%d.%s", folder, i, sets[which]);
        fprintf(list, "%d.%s -1\n", i, sets[which]);
        rc = put(path, files[i % PICTURES].bytes, files[i % PICTURES].size);
    }
    if (list)
        fclose(list);
    snprintf(path, sizeof path, "%s/data/list.txt", folder);
    rc = rc == 0 ? put(path, lines, size) : rc;
    free(lines);
    snprintf(text, sizeof text, yml, sets[which]);
    snprintf(path, sizeof path, "%s/made.yml", folder);
    return rc == 0 ? put(path, text, strlen(text)) : rc;
}

static int begin_made(const subject *s)
{
    char imported[PATH];
    snprintf(imported, sizeof imported, "%s/imported", folder);
    int rc = s->number == TAR ? make_tar() : make_files(s->number);
    if (rc == 0)
        rc = benchmark_open(&bench, folder, "made", folder, imported);
    return rc;
}

static int begin_real(const subject *s)
{
    char imported[PATH], benchmarks[PATH];
    const char *data = getenv("OODBENCH_DATA");
    snprintf(imported, sizeof imported, "%s/imported", folder);
    snprintf(benchmarks, sizeof benchmarks, "%.4000s/../datasets", getenv("B"));
    if (!data) {
        fault("OODBENCH_DATA does not name a folder of images and lists");
        return 1;
    }
    (void)s;
    return benchmark_open(&bench, benchmarks, "cifar10", data, imported);
}

static int begin(const subject *s)
{
    if (make_folder() != 0)
        return -1;
    int rc = s->number <= TAR ? begin_made(s) : begin_real(s);
    if (rc != 0)
        end(s);
    return rc;
}

static void run(const subject *s)
{
    if (benchmark_import(bench, sets[s->number]) == 0)
        return;
    fprintf(stderr, "bench: %s: %s\n", s->name, fault_text());
    end(s);
    exit(EXIT_CONFIG);
}

/* How many images came out. */
static double count(const subject *s)
{
    static const char *const splits[] = {"train", "val", "test"};
    char path[PATH];
    double n = 0;
    dataset *d;
    if (benchmark_path(bench, sets[s->number], path, sizeof path) != 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if (dataset_open(&d, path, splits[i]) == 0) {
            n += (double)dataset_count(d);
            dataset_close(d);
        }
    return n;
}

/* The decoders alone. */

typedef struct decoding {
    int from, to, which, failed;
} decoding;

static void *decode(void *arg)
{
    decoding *d = arg;
    for (int i = d->from; i < d->to; i++)
        d->failed |= (d->which != JPEG ? picture_read_png : picture_read_jpeg)(files[i % PICTURES].bytes,
                                                                               files[i % PICTURES].size) != 0;
    return NULL;
}

static double decode_all(int which, int threads)
{
    pthread_t id[THREADS];
    decoding part[THREADS];
    double began = clock_now();
    for (int i = 0; i < threads; i++) {
        part[i] = (decoding){MADE * i / threads, MADE * (i + 1) / threads, which, 0};
        if (pthread_create(&id[i], NULL, decode, &part[i]) != 0)
            abort();
    }
    int failed = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(id[i], NULL);
        failed |= part[i].failed;
    }
    return failed ? 0 : MADE / (clock_now() - began);
}

static double own_peak(const subject *s)
{
    int threads = machine_threads() < THREADS ? machine_threads() : THREADS;
    double best = 0;
    for (int i = 0; i < 7; i++) {
        double rate = decode_all(s->number, threads);
        best = rate > best ? rate : best;
    }
    return best;
}

#define ROW(label, text, which, limit, own)                                                                        \
    {                                                                                                              \
        .name = label, .size = text, .unit = "images/s", .peak = limit, .least = 5, .begin = begin, .run = run,    \
        .end = end, .own_peak = own, .count = count, .number = which                                               \
    }

const subject import_subjects[] = {
    ROW("import-png", "8000 PNG 32 x 32", PNG, PEAK_OWN, own_peak),
    ROW("import-jpeg", "8000 JPEG 64 x 64 to 32 x 32", JPEG, PEAK_OWN, own_peak),
    ROW("import-tar", "8000 PNG 32 x 32 in a tar", TAR, PEAK_OWN, own_peak),
    ROW("import-cifar100", "the user's PNG", CIFAR100, PEAK_NONE, NULL),
    ROW("import-tin", "the user's JPEG", TIN, PEAK_NONE, NULL),
    {.name = NULL},
};
