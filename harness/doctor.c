/* doctor.c - `oodbench doctor`: what is installed, which benchmarks can run with the data
 * that are here, what the others lack. Reads only; no network is used. */
#include "doctor.h"
#include "commands.h"
#include "engine.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "plot.h"
#include "wrap.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { INDENT = 11 };

typedef struct request {
    const char *data, *imported, *only;
    int verify;
} request;

static const char usage[] = "usage: oodbench doctor [DATA] [--benchmark NAME|FILE.yml] [--imported DIR]\n"
                            "                       [--verify]\n"
                            "Says what is installed, which benchmarks can run with the images and lists\n"
                            "below DATA (default: OODBENCH_DATA) and with what is imported, and what the\n"
                            "others lack, where it belongs and where it is published. Nothing is downloaded.\n"
                            "\n"
                            "  --benchmark NAME  only this one, all it lacks; or a .yml file of your own\n"
                            "  --imported DIR    where the HDF5 files are (datasets/imported)\n"
                            "  --verify          also reads all of them and compares with the digests they\n"
                            "                    were written with\n"
                            "\n"
                            "Exit status: 0 a benchmark can run and no data set was found damaged, else 1.\n";

static void say(const char *label, const char *words)
{
    printf("%-*s", INDENT, label);
    wrap_words(stdout, WRAP_SCREEN, INDENT, words);
}

/* --- what is installed --- */

static void say_device(void *arg, const char *name, int ready, const char *words)
{
    int *usable = arg;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "device %s: ", name);
    size_t known = strncmp(words, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    char *all = text_format("%s %s: %s", name, ready ? "ready" : "refused", words + known);
    say("device", all);
    free(all);
    *usable += ready;
}

static int is_network(const struct dirent *e)
{
    static const char *const ends[] = {".safetensors", ".pt", ".pth", ".th", ".ckpt"};
    size_t n = strlen(e->d_name);
    for (int i = 0; i < 5; i++)
        if (n > strlen(ends[i]) && strcmp(e->d_name + n - strlen(ends[i]), ends[i]) == 0)
            return 1;
    return 0;
}

static void say_networks(const char *data)
{
    char folder[PATH_MAX];
    struct dirent **found;
    int n = data ? scandir(file_join(folder, sizeof folder, data, "pretrained"), &found, is_network, alphasort) : 0;
    text t = {0};
    if (n < 0 && errno == ENOMEM)
        text_out_of_memory(0);
    if (n <= 0)
        text_add(&t, "none in pretrained/ below the data folder; any place can be named in `weights:`");
    else
        text_add(&t, "%d in pretrained/:", n);
    for (int i = 0; i < n; i++) {
        text_add(&t, " %s", found[i]->d_name);
        free(found[i]);
    }
    if (n >= 0 && data)
        free(found);
    say("networks", text_str(&t));
    text_free(&t);
}

/* Returns how many devices can be used. */
static int say_installed(const request *r)
{
    char words[600];
    int usable = 0;
    say("data", r->data ? r->data : "none: name the folder of images and lists, or set OODBENCH_DATA");
    say("imported", r->imported);
    if (device_each(say_device, &usable) != 0)
        say("device", fault_text());
    say("gnuplot", gnuplot_describe(words, sizeof words) == 0 ? words : fault_text());
    say_networks(r->data);
    return usable;
}

/* --- the benchmarks --- */

static const char *id_state(const checkup *c)
{
    static const char *const words[] = {"missing", "to import", "imported"};
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->sets[i].group, "id") == 0)
            return words[c->sets[i].state];
    return "none";
}

static void print_line(const checkup *c)
{
    static const char *const groups[] = {"near", "far", "csid", "tune", "outliers"};
    static const char *const verdicts[] = {"cannot run", "runs partly", "complete"};
    if (!c->b) {
        printf("%-15s cannot be read: %s\n", c->name, c->unreadable);
        return;
    }
    printf("%-15s %-12s %-10s", c->name, verdicts[checkup_verdict(c)], id_state(c));
    for (int g = 0; g < 5; g++) {
        int here, all;
        char count[32];
        checkup_count(c, groups[g], &here, &all);
        snprintf(count, sizeof count, "%d/%d", here, all);
        printf(" %*s", g == 4 ? 9 : 5, all ? count : "-");
    }
    putchar('\n');
}

/* Of the file system that `path` is or will be in. */
static double gigabytes_free(const char *path)
{
    char folder[PATH_MAX];
    struct statvfs v;
    snprintf(folder, sizeof folder, "%s", path);
    while (statvfs(folder, &v) != 0 && strrchr(folder, '/') && folder[1])
        strrchr(folder, '/')[strrchr(folder, '/') == folder] = '\0';
    return statvfs(folder, &v) == 0 ? (double)v.f_bavail * (double)v.f_frsize / 1e9 : 0;
}

/* Large images take much room, as pixels and as files. */
static void say_weight(const checkup *c, int n, const request *r)
{
    double bytes = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c[i].n; k++)
            bytes += (double)c[i].sets[k].bytes;
    if (bytes > 0)
        printf("\nto import all that is not yet imported takes %.1f GB; %.0f GB are free\n", bytes / 1e9,
               gigabytes_free(r->imported));
}

static void print_verdict(const checkup *c, int n, int usable)
{
    text t = {0};
    for (int i = 0; i < n; i++)
        if (c[i].b && checkup_verdict(&c[i]) != CANNOT_RUN)
            text_add(&t, "%s%s%s", t.n ? ", " : "", c[i].name,
                     checkup_verdict(&c[i]) == RUNS_PARTLY ? " (partly: what is missing is left out)" : "");
    putchar('\n');
    say("can run", !usable ? "nothing: no device is ready" : t.n ? text_str(&t) : "nothing");
    text_free(&t);
}

static int report(const checkup *c, int n, const request *r)
{
    int can = 0, idle = 0, usable = say_installed(r);
    printf("\n%-15s %-12s %-10s  near   far  csid  tune  outliers   sets that are here/all\n", "benchmark", "",
           "id");
    for (int i = 0; i < n; i++)
        print_line(&c[i]);
    for (int i = 0; i < n; i++) {
        int runs = c[i].b && checkup_verdict(&c[i]) != CANNOT_RUN;
        can += runs;
        idle += !runs;
        if (runs || r->only)
            checkup_print(&c[i]);
    }
    say_weight(c, n, r);
    if (idle && !r->only)
        printf("\n`oodbench doctor --benchmark NAME` says what a benchmark that cannot run lacks.\n");
    int damaged = r->verify ? doctor_verify(r->imported) : 0;
    print_verdict(c, n, usable);
    return can && usable && !damaged ? EXIT_OK : 1;
}

/* --- the command --- */

static int is_benchmark(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && e->d_name[0] != '.' && strcmp(e->d_name + n - 4, ".yml") == 0;
}

/* `cifar10` before `cifar10-greg`, which their endings would turn round. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    size_t m = strlen((*a)->d_name) - 4, n = strlen((*b)->d_name) - 4;
    int order = strncmp((*a)->d_name, (*b)->d_name, m < n ? m : n);
    return order ? order : (m > n) - (m < n);
}

static int examine_all(const request *r)
{
    char folder[PATH_MAX];
    struct dirent **found;
    int n = scandir(layout_root(folder, sizeof folder, "datasets"), &found, is_benchmark, by_name);
    if (n <= 0)
        return fault("doctor: no benchmark in %s: %s", folder, n < 0 ? strerror(errno) : "expected files .yml");
    checkup *c = text_more(NULL, (size_t)n * sizeof *c);
    for (int i = 0; i < n; i++) {
        found[i]->d_name[strlen(found[i]->d_name) - 4] = '\0';
        checkup_make(&c[i], found[i]->d_name, r->data, r->imported);
        free(found[i]);
    }
    free(found);
    int rc = report(c, n, r);
    for (int i = 0; i < n; i++)
        checkup_free(&c[i]);
    free(c);
    return rc;
}

static int examine_one(const request *r)
{
    checkup c;
    checkup_make(&c, r->only, r->data, r->imported);
    int rc = c.b ? report(&c, 1, r) : fault("doctor: %s", c.unreadable);
    checkup_free(&c);
    return rc;
}

static int read_words(request *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verify") == 0) {
            r->verify = 1;
            continue;
        }
        const char **to = strcmp(argv[i], "--benchmark") == 0  ? &r->only
                          : strcmp(argv[i], "--imported") == 0 ? &r->imported
                                                               : NULL;
        if (to && i + 1 == argc)
            return fault("doctor: %s needs a value", argv[i]);
        if (to)
            *to = argv[++i];
        else if (argv[i][0] == '-')
            return fault("doctor: unknown option %s: `oodbench doctor --help` lists them", argv[i]);
        else if (r->data)
            return fault("doctor: expected one data folder, found %s and %s", r->data, argv[i]);
        else
            r->data = argv[i];
    }
    return 0;
}

int doctor_main(int argc, char **argv)
{
    char data[PATH_MAX], imported[PATH_MAX];
    struct stat s;
    request r = {0};
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_OK;
    }
    if (read_words(&r, argc, argv) != 0)
        return -1;
    const char *env = getenv("OODBENCH_DATA"), *where = r.data ? "doctor" : "doctor: OODBENCH_DATA";
    r.data = r.data ? r.data : env && *env ? env : NULL;
    if (r.data && (stat(r.data, &s) != 0 || !S_ISDIR(s.st_mode)))
        return fault("%s: the data folder %s does not exist: expected the folder that holds the images and lists",
                     where, r.data);
    r.data = r.data ? layout_absolute(data, sizeof data, r.data) : NULL;
    r.imported = r.imported ? layout_absolute(imported, sizeof imported, r.imported)
                            : layout_imported(imported, sizeof imported);
    return r.only ? examine_one(&r) : examine_all(&r);
}
