/* import.c - `oodbench import`: the sets of a benchmark, files and folders as they
 * are published, any list, or arrays of NumPy, to HDF5. */
#include "import.h"
#include "../harness/clock.h"
#include "../harness/commands.h"
#include "../harness/data.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/layout.h"
#include "../harness/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_WORDS 64
#define MOST_SPLITS 3

static const char usage[] = "usage: oodbench import BENCHMARK [SET ...] [--data DIR] [--imported DIR]\n"
                            "       oodbench import [--split S] LIST IMAGES [[--split S] LIST IMAGES ...]\n"
                            "                       -o FILE.h5 [options]\n"
                            "       oodbench import [--FORM] FILE|FOLDER [-o FILE.h5] [options]\n"
                            "Makes HDF5 of images; what is behind an option in parentheses is its default.\n"
                            "\n"
                            "The first form makes the sets of datasets/BENCHMARK.yml, or of a .yml file of\n"
                            "your own, that are missing or out of date: those named, or all but those that\n"
                            "are corruptions of another (`oodbench corrupt`).\n"
                            "  --data DIR       the folder with images and lists (OODBENCH_DATA)\n"
                            "  --imported DIR   where the HDF5 files go (datasets/imported)\n"
                            "\n"
                            "The second makes one file of lists (`PATH LABEL` a line) and the folder, or the\n"
                            "folder of zips, that the paths start from.\n"
                            "  --split S        what the lists behind it become: train, val or test (test)\n"
                            "  --name N         the set's name (that of the file)\n"
                            "  --classes K      labels are -1 .. K-1, -1 meaning none of the classes (no\n"
                            "                   limit)\n"
                            "  --side P         height and width of the images (32)\n"
                            "  --resize P       their shorter side before the centre crop (as --side)\n"
                            "  --store W        pixels, resized and cropped now; or files: as they are,\n"
                            "                   decoded each time they are read, and cropped at random for\n"
                            "                   training (pixels)\n"
                            "\n"
                            "The third makes one file of what others publish, and says what it took it for:\n"
                            "  --cifar          CIFAR-10 or CIFAR-100, binary or Python's, the folder or the\n"
                            "                   .tar.gz\n"
                            "  --idx            MNIST's files, packed or not, or their folder\n"
                            "  --npz --mat --hdf5\n"
                            "                   images and labels in arrays: x_train, test/x, X and y, ...\n"
                            "  --tree           pictures in a folder for each class, on the disk, in a tar\n"
                            "                   or a zip\n"
                            "  --npy            one .npy of images, or the folder of the published\n"
                            "                   corruptions (one .npy each and labels.npy): splits\n"
                            "                   brightness_1, brightness_2, ...\n"
                            "  -o FILE.h5       (datasets/imported/NAME.h5)\n"
                            "  --group G        what a benchmark would have it for: near, far, tune,\n"
                            "                   outliers, whose labels become -1; id, csid, whose labels are\n"
                            "                   kept (as without it)\n"
                            "  --images A, --labels A\n"
                            "                   the arrays, when called otherwise; --labels FILE with --idx\n"
                            "  --split S        train, val or test (all that the files tell apart, else test)\n"
                            "  --name N, --classes K, --side P, --resize P, --store W (of --tree)\n"
                            "                   as above; without --side arrays stay as they are and pictures\n"
                            "                   become 32 x 32\n";

typedef struct request {
    const char *words[MOST_WORDS];    /* what is no option: names, or lists and folders */
    const char *split_of[MOST_WORDS]; /* the --split before each */
    int n;
    const char *data, *imported, *out, *name, *npy, *split, *form, *path, *group, *images, *labels;
    int split_given, files;
    int64_t classes, side, resize;
} request;

int import_number(const char *option, const char *value, int64_t lo, int64_t hi, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (*end || end == value || errno || v < lo || v > hi)
        return fault("%s: expected a whole number from %lld to %lld, found `%s`", option, (long long)lo,
                     (long long)hi, value);
    *out = v;
    return 0;
}

static int is_split(const char *s)
{
    return strcmp(s, "train") == 0 || strcmp(s, "val") == 0 || strcmp(s, "test") == 0;
}

static int read_option(request *r, const char *option, const char *value)
{
    const struct {
        const char *option, **to;
    } texts[] = {{"--data", &r->data},   {"--imported", &r->imported}, {"-o", &r->out},
                 {"--out", &r->out},     {"--name", &r->name},         {"--npy", &r->npy},
                 {"--group", &r->group}, {"--images", &r->images},     {"--labels", &r->labels}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(option, texts[i].option) == 0) {
            *texts[i].to = value;
            return 0;
        }
    if (strncmp(option, "--", 2) == 0 && format_named(option + 2)) {
        if (r->path)
            return fault("--%s and %s: expected one form", r->form, option);
        r->form = format_named(option + 2)->name;
        r->path = value;
        return 0;
    }
    if (strcmp(option, "--classes") == 0)
        return import_number(option, value, 1, INT32_MAX, &r->classes);
    if (strcmp(option, "--side") == 0)
        return import_number(option, value, 1, 1024, &r->side);
    if (strcmp(option, "--resize") == 0)
        return import_number(option, value, 1, 4096, &r->resize);
    if (strcmp(option, "--store") == 0) {
        r->files = strcmp(value, "files") == 0;
        return r->files || strcmp(value, "pixels") == 0
                   ? 0
                   : fault("--store: expected pixels or files, found `%s`", value);
    }
    if (strcmp(option, "--split") != 0)
        return fault("unknown option %s: `oodbench import --help` lists them", option);
    if (!is_split(value))
        return fault("--split: expected train, val or test, found `%s`", value);
    r->split = value;
    r->split_given = 1;
    return 0;
}

static int read_arguments(request *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            if (i + 1 == argc)
                return fault("%s needs a value: `oodbench import --help`", argv[i]);
            if (read_option(r, argv[i], argv[i + 1]) != 0)
                return -1;
            i++;
            continue;
        }
        if (r->n == MOST_WORDS)
            return fault("more than %d names", r->n);
        r->words[r->n] = argv[i];
        r->split_of[r->n] = r->split;
        r->n++;
    }
    return 0;
}

void import_say(const char *name, const char *path, const make_split *splits, int n, double seconds)
{
    int64_t total = 0;
    text t = {0};
    for (int i = 0; i < n; i++)
        total += splits[i].f.n;
    if (n > MOST_SPLITS)
        text_add(&t, "%d splits, %lld images", n, (long long)total);
    for (int i = 0; i < n && n <= MOST_SPLITS; i++)
        text_add(&t, "%s%s %lld", i ? ", " : "", splits[i].name, (long long)splits[i].f.n);
    printf("%-14s %-36s %6.2f s  %7.0f images/s  %s\n", name, text_str(&t), seconds, (double)total / seconds, path);
    text_free(&t);
}

static int make_and_say(const char *path, const store_header *h, const make_split *splits, int n)
{
    double began = clock_now();
    int rc = make_file(path, h, splits, n);
    if (rc == 0)
        import_say(h->name, path, splits, n, clock_now() - began);
    return rc;
}

int import_make(const char *path, const store_header *h, sources *r)
{
    int rc = sources_load(r) != 0 ? -1 : make_and_say(path, h, r->splits, r->n);
    sources_free(r);
    return rc;
}

/* What is opened only to be made says how much it was in what was made. */
static void count_made(sources *r, const char *path)
{
    dataset *d;
    for (int i = 0; i < r->n; i++)
        if (r->splits[i].f.n == 0 && dataset_open(&d, path, r->splits[i].name) == 0) {
            r->splits[i].f.n = dataset_count(d);
            dataset_close(d);
        }
}

int import_set(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    sources r;
    int fresh = benchmark_fresh(b, name);
    if (fresh < 0 || benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    if (fresh) {
        printf("%-14s %-36s %s\n", name, "is up to date", path);
        return 0;
    }
    const bench_set *s = benchmark_find(b, name);
    if (s->corrupt && benchmark_fresh(b, s->corrupt) == 0) /* timed, and told of, on its own */
        return import_set(b, s->corrupt) != 0 ? -1 : import_set(b, name);
    double began = clock_now();
    if (benchmark_import(b, name) != 0)
        return -1;
    double took = clock_now() - began;
    if (sources_find(&r, b, s) != 0)
        return -1;
    count_made(&r, path);
    import_say(name, path, r.splits, r.n, took);
    sources_free(&r);
    return 0;
}

int import_check(const benchmark *b, const char *name)
{
    const char *near = benchmark_nearest(b, name);
    if (benchmark_group(b, name))
        return 0;
    return fault("the benchmark %s has no set `%s`%s%s%s", b->name, name, near ? "; did you mean `" : "",
                 near ? near : "", near ? "`?" : "");
}

/* All that is there: a set without list or images is named and left out. */
static int import_all(const benchmark *b)
{
    int found = 0;
    for (int i = 0; i < benchmark_sets(b); i++) {
        const char *set = benchmark_set(b, i);
        if (benchmark_find(b, set)->corrupt)
            continue;
        if (benchmark_fresh(b, set) < 0) {
            printf("%-14s left out: %s\n", set, fault_text());
            continue;
        }
        found++;
        if (import_set(b, set) != 0)
            return -1;
    }
    return found ? 0 : fault("nothing to import for %s: %s", b->name, fault_text());
}

static int import_benchmark(const request *r)
{
    benchmark *b;
    if (r->files)
        return fault("--store: of a benchmark its key `store` says so (`oodbench import --help`)");
    if (benchmark_named(&b, r->words[0], r->data, r->imported) != 0)
        return -1;
    int rc = r->n == 1 ? import_all(b) : 0;
    for (int i = 1; rc == 0 && i < r->n; i++)
        rc = import_check(b, r->words[i]) != 0 ? -1 : import_set(b, r->words[i]);
    benchmark_close(b);
    return rc;
}

char *import_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return text_format("%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
}

/* The splits point at lists and images, which the caller keeps. */
static int read_lists(const request *r, list *lists, images *im, make_split *splits)
{
    for (int i = 0; i < r->n / 2; i++) {
        const char *split = r->split_of[2 * i];
        for (int j = 0; j < i; j++)
            if (strcmp(splits[j].name, split) == 0)
                return fault("two lists for the split %s: put --split before each", split);
        if (list_read(&lists[i], r->words[2 * i], LIST_FREE, r->classes) != 0)
            return -1;
        im[i] = (images){
            .l = &lists[i], .root = r->words[2 * i + 1], .side = r->side, .resize = r->resize, .files = r->files};
        splits[i] = (make_split){.name = split, .source = images_source(&im[i]), .f = images_fill(&im[i])};
        if (!splits[i].source)
            return -1;
    }
    return 0;
}

static const double no_mean[3] = {0, 0, 0}, no_std[3] = {1, 1, 1}; /* a benchmark says more */

static int import_lists(const request *r)
{
    list lists[MOST_SPLITS] = {{0}};
    images im[MOST_SPLITS];
    make_split splits[MOST_SPLITS] = {{0}};
    int n = r->n / 2;
    if (r->n % 2 || n < 1 || n > MOST_SPLITS)
        return fault("with -o, expected LIST IMAGES once for each split, found %d names", r->n);
    char *name = r->name ? text_copy(r->name) : import_name(r->out);
    store_header h = {.name = name, .mean = no_mean, .std = no_std};
    int rc = read_lists(r, lists, im, splits);
    if (rc == 0)
        rc = make_and_say(r->out, &h, splits, n);
    for (int i = 0; i < n; i++) {
        list_free(&lists[i]);
        free((char *)splits[i].source);
    }
    free(name);
    return rc;
}

/* The corruptions whose files are in the folder, in the order in which they are published. */
static int published_in(const char *folder, parts *p)
{
    char names[64][56], path[PATH_MAX], file[80];
    const char *words[64];
    parts_wish w = {.corruptions = words, .published = 1};
    for (int i = 0; corruption_at(i) && w.n_corruptions < 64; i++) {
        parts_published(names[w.n_corruptions], corruption_at(i));
        snprintf(file, sizeof file, "%s.npy", names[w.n_corruptions]);
        if (!file_exists(file_join(path, sizeof path, folder, file)))
            continue;
        words[w.n_corruptions] = names[w.n_corruptions];
        w.n_corruptions++;
    }
    return w.n_corruptions ? parts_choose(p, &w)
                           : fault("%s holds no file of a published corruption, such as brightness.npy", folder);
}

static int import_npy(const request *r, int64_t side)
{
    parts p = {0};
    sources c;
    struct stat s;
    if (r->n)
        return fault("with --npy, expected no other names");
    if (r->files)
        return fault("--store files: expected images as files, and %s holds arrays", r->npy);
    if (stat(r->npy, &s) != 0)
        return fault("cannot read %s: %s", r->npy, strerror(errno));
    int rc = !S_ISDIR(s.st_mode)             ? sources_array(&c, r->npy, r->split, side)
             : published_in(r->npy, &p) != 0 ? -1
                                             : sources_published(&c, r->npy, &p, side, r->classes);
    char *out = r->out ? text_copy(r->out) : bring_out(r->npy, r->name, r->imported);
    char *name = r->name ? text_copy(r->name) : import_name(out);
    store_header h = {.name = name, .mean = no_mean, .std = no_std};
    if (rc == 0)
        rc = import_make(out, &h, &c);
    free(name);
    free(out);
    parts_free(&p);
    return rc;
}

/* One .npy, or the folder of many: what --npy is for. */
static int is_npy(const char *path)
{
    char file[PATH_MAX];
    uint8_t head[6];
    if (format_is_folder(path))
        return file_exists(file_join(file, sizeof file, path, "labels.npy"));
    return blob_peek(path, head, sizeof head) == 6 && memcmp(head, "\x93NUMPY", 6) == 0;
}

/* A lone word that is a file or folder, and neither a benchmark's name nor a .yml. */
static int is_path(const request *r)
{
    char folder[PATH_MAX], file[PATH_MAX];
    const char *word = r->n == 1 ? r->words[0] : "";
    size_t n = strlen(word);
    if (!n || (n > 4 && strcmp(word + n - 4, ".yml") == 0))
        return 0;
    snprintf(file, sizeof file, "%s/%.2000s.yml", layout_root(folder, 2000, "datasets"), word);
    return file_exists(word) && (strchr(word, '/') || r->out || !file_exists(file));
}

/* Neither a benchmark nor a path: what is said has to hold for both. */
static int check_word(const request *r)
{
    const char *word = r->words[0];
    int looks = strchr(word, '/') || strchr(word, '.') || r->out;
    return r->n == 1 && looks && !file_exists(word) && !is_path(r) && !strstr(word, ".yml")
               ? fault("there is no benchmark %s, and no such file or folder", word)
               : 0;
}

static int import_form(request *r)
{
    if (r->n)
        return fault("%s and %s: expected one file or folder", r->path, r->words[0]);
    if (!r->form && file_exists(r->path) && is_npy(r->path)) {
        r->npy = r->path;
        return import_npy(r, r->side);
    }
    const bring b = {.form = r->form,
                     .path = r->path,
                     .name = r->name,
                     .split = r->split_given ? r->split : NULL,
                     .group = r->group,
                     .out = r->out,
                     .imported = r->imported,
                     .images = r->images,
                     .labels = r->labels,
                     .classes = r->classes,
                     .side = r->side,
                     .resize = r->resize,
                     .files = r->files};
    return bring_in(&b);
}

int import_main(int argc, char **argv)
{
    request r = {.classes = INT32_MAX, .split = "test"};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_OK;
        }
    if (read_arguments(&r, argc, argv) != 0)
        return -1;
    if (r.npy)
        return import_npy(&r, r.side);
    if (!r.path && is_path(&r)) {
        r.path = r.words[0];
        r.n = 0;
    }
    if (r.path)
        return import_form(&r);
    if (r.n == 0)
        return fault("nothing to import: name a benchmark, a file or folder, or a list and its images (`oodbench "
                     "import --help`)");
    if (check_word(&r) != 0)
        return -1;
    r.side = r.side ? r.side : 32;
    if (!r.resize)
        r.resize = r.side;
    return r.out ? import_lists(&r) : import_benchmark(&r);
}
