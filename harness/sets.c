/* sets.c - what a benchmark adds to a configuration. */
#include "sets.h"
#include "../datasets/overlap.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "text.h"
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const groups[] = {"near", "far", "csid", "tune", "outliers"};
enum { GROUPS = sizeof groups / sizeof *groups, MOST_OTHERS = 64, LARGEST_CROPPED = 64 /* pixels */ };

static const char *first_of_group(const benchmark *b, const char *group)
{
    for (int i = 0; i < benchmark_sets(b); i++)
        if (strcmp(benchmark_group(b, benchmark_set(b, i)), group) == 0)
            return benchmark_set(b, i);
    return NULL;
}

/* A path relative to the working directory or, if there is nothing, to the configuration's folder. */
static char *beside_config(char out[PATH_MAX], const char *path, const char *file)
{
    const char *slash = strrchr(file, '/');
    layout_absolute(out, PATH_MAX, path);
    if (path[0] == '/' || !slash || file_exists(out))
        return out;
    char folder[PATH_MAX], joined[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - file), file);
    layout_absolute(joined, sizeof joined, file_join(joined, sizeof joined, folder, path));
    if (file_exists(joined))
        memcpy(out, joined, PATH_MAX);
    return out;
}

static int is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* The keys `data` and `imported` become absolute; data may stay unset. */
static int choose_folders(config *c, const char *file)
{
    char path[PATH_MAX];
    const char *data = config_text(c, "data"), *where = config_origin(c, "data");
    if (!data) {
        data = getenv("OODBENCH_DATA");
        where = "OODBENCH_DATA";
    }
    if (data && *data) {
        beside_config(path, data, file);
        if (!is_folder(path))
            return fault("%s: the data folder %s does not exist: expected the folder that holds the images and "
                         "lists",
                         where, path);
        config_set(c, "data", "null", where);
        config_append(c, "data", path, config_origin(c, "data"));
    }
    const char *imported = config_text(c, "imported");
    if (imported)
        layout_absolute(path, sizeof path, imported);
    else
        layout_imported(path, sizeof path);
    config_set(c, "imported", "null", "default");
    return config_append(c, "imported", path, "default");
}

/* A name is looked up in datasets/; anything with a slash or .yml is a file of the user's own. */
static void benchmark_file(const char *named, const char *file, char folder[PATH_MAX], char name[PATH_MAX])
{
    size_t n = strlen(named);
    int dotted = n > 4 && strcmp(named + n - 4, ".yml") == 0;
    layout_root(folder, PATH_MAX, "datasets");
    snprintf(name, PATH_MAX, "%s", named);
    if (!dotted && !strchr(named, '/'))
        return;
    beside_config(folder, named, file);
    char *slash = strrchr(folder, '/');
    snprintf(name, PATH_MAX, "%.*s", (int)strlen(slash + 1) - (dotted ? 4 : 0), slash + 1);
    *slash = '\0';
}

static int open_benchmark(benchmark **b, config *c, const char *file)
{
    char folder[PATH_MAX], name[PATH_MAX];
    if (config_items(c, "benchmark") == 0 && config_items(c, "id") == 0)
        return fault("%s: no `id` is given: name the in-distribution set, `id: cifar10`", file);
    if (config_items(c, "benchmark") == 0)
        config_set(c, "benchmark", config_text(c, "id"), config_origin(c, "id"));
    benchmark_file(config_text(c, "benchmark"), file, folder, name);
    if (benchmark_open(b, folder, name, config_text(c, "data"), config_text(c, "imported")) != 0)
        return fault("%s: %s", config_origin(c, "benchmark"), fault_text());
    return 0;
}

static int holds(const config *c, const char *key, const char *set)
{
    for (int i = 0; i < config_items(c, key); i++)
        if (strcmp(config_item(c, key, i), set) == 0)
            return 1;
    return 0;
}

/* Is it in the benchmark, on disk, and not the ID set or in another group already? */
static int check_set(benchmark *b, const config *c, const char *key, const char *set)
{
    const char *origin = config_origin(c, key), *near = benchmark_nearest(b, set);
    if (!benchmark_group(b, set))
        return fault("%s: the benchmark %s has no set `%s`%s%s%s", origin, config_text(c, "benchmark"), set,
                     near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    if (strcmp(key, "id") != 0 && strcmp(set, config_text(c, "id")) == 0)
        return fault("%s: `%s` holds %s, which is the in-distribution set", origin, key, set);
    for (int g = 0; strcmp(key, "id") != 0 && g < GROUPS && strcmp(key, groups[g]) != 0; g++)
        if (holds(c, groups[g], set))
            return fault("%s: the set %s is in `%s` and in `%s`: keep one", origin, set, groups[g], key);
    if (benchmark_found_fresh(b, set) < 0)
        return fault("%s: `%s: %s`: %s", origin, key, set, fault_text());
    return 0;
}

/* Networks trained elsewhere are judged without the training images; nothing can be trained. */
static int check_training(const benchmark *b, const config *c)
{
    const char *id = config_text(c, "id"), *why = benchmark_trainless(b, id);
    if (why && config_items(c, "train") > 0)
        return fault("%s: there are no training images of %s: %s", config_origin(c, "train"), id, why);
    if (benchmark_side(b) > LARGEST_CROPPED && config_items(c, "train") > 0)
        fprintf(stderr,
                "training on images of %lld x %lld: they are cropped by `crop` pixels and flipped; what papers do "
                "with images of this size, crops of random size, is not there yet\n",
                (long long)benchmark_side(b), (long long)benchmark_side(b));
    if (why)
        fprintf(stderr, "left out of %s: train: %s\n", id, why);
    return 0;
}

/* near and far that were not given: the benchmark's, as far as they are there and no other key has them. */
static int default_group(benchmark *b, config *c, const char *group)
{
    config_set(c, group, "null", "the benchmark");
    for (int i = 0; i < benchmark_sets(b); i++) {
        const char *set = benchmark_set(b, i);
        int taken = strcmp(set, config_text(c, "id")) == 0;
        for (int g = 0; g < GROUPS; g++)
            taken |= holds(c, groups[g], set);
        if (strcmp(benchmark_group(b, set), group) != 0 || taken)
            continue;
        if (benchmark_found_fresh(b, set) < 0)
            fprintf(stderr, "left out of %s: %s: %s\n", group, set, fault_text());
        else
            config_append(c, group, set, "the benchmark");
    }
    return 0;
}

/* With a search, `tune` that was not given is the benchmark's. What is missing is a
 * fault here: no other set may take its place. */
static int choose_tuning(benchmark *b, config *c)
{
    const char *origin = config_origin(c, "search"), *first = first_of_group(b, "tune");
    int search = 0;
    if (config_flag(c, "search", &search) != 0)
        return -1;
    if (!search || config_items(c, "tune") > 0)
        return 0;
    if (!first)
        return fault(
            "%s: a search needs outliers to tune by, and the benchmark %s has no set of the group tune: name "
            "one of your own in `tune`",
            origin, config_text(c, "benchmark"));
    if (benchmark_found_fresh(b, first) < 0)
        return fault("%s: a search needs outliers to tune by: %s: %s", origin, first, fault_text());
    return config_set(c, "tune", first, "the benchmark");
}

/* mean and std: three numbers, given or the benchmark's. */
static int default_triple(config *c, const char *key, const double *init)
{
    int n = config_items(c, key);
    if (n && n != 3)
        return fault("%s: `%s` is a list of three numbers (red, green, blue), found %d", config_origin(c, key), key,
                     n);
    for (int i = 0; n == 0 && i < 3; i++) {
        char number[32];
        config_append(c, key, text_number(number, init[i]), "the benchmark");
    }
    return 0;
}

static int choose(benchmark *b, config *c)
{
    const char *id = first_of_group(b, "id");
    if (config_items(c, "id") == 0 && !id)
        return fault("%s: the benchmark %s has no in-distribution set: give `id`", config_origin(c, "benchmark"),
                     config_text(c, "benchmark"));
    if (config_items(c, "id") == 0)
        config_set(c, "id", id, "the benchmark");
    if (check_set(b, c, "id", config_text(c, "id")) != 0 || check_training(b, c) != 0)
        return -1;
    for (int g = 0; g < 2; g++)
        if (!config_has(c, groups[g]) && default_group(b, c, groups[g]) != 0)
            return -1;
    if (choose_tuning(b, c) != 0)
        return -1;
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < config_items(c, groups[g]); i++)
            if (check_set(b, c, groups[g], config_item(c, groups[g], i)) != 0)
                return -1;
    char classes[32];
    snprintf(classes, sizeof classes, "%lld", (long long)benchmark_classes(b));
    config_set(c, "classes", classes, "the benchmark");
    if (default_triple(c, "mean", benchmark_mean(b)) != 0 || default_triple(c, "std", benchmark_std(b)) != 0)
        return -1;
    return 0;
}

int sets_choose(benchmark **b, config *c, const char *file)
{
    if (choose_folders(c, file) != 0 || open_benchmark(b, c, file) != 0)
        return -1;
    return choose(*b, c);
}

/* In the child: imports, and leaves the sentence of a failure in the pipe. */
static void import_and_exit(const benchmark *b, const char *set, int pipe_fd)
{
    int rc = benchmark_import(b, set);
    if (rc != 0 && write(pipe_fd, fault_text(), strlen(fault_text())) < 0)
        _exit(EXIT_PRECONDITION);
    _exit(rc == 0 ? EXIT_OK : EXIT_CONFIG);
}

/* Images come from strangers: a process of its own decodes them, so that neither
 * a crash nor the memory it takes is ours. No device is open here, so a fork will do. */
static int import_apart(const benchmark *b, const char *set)
{
    char said[4096];
    int pipe_fds[2], status = 0;
    size_t n = 0;
    fflush(NULL);
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return fault("cannot open a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        import_and_exit(b, set, pipe_fds[1]);
    close(pipe_fds[1]);
    for (ssize_t got;
         pid > 0 && n < sizeof said - 1 && (got = read(pipe_fds[0], said + n, sizeof said - 1 - n)) != 0;)
        if (got > 0)
            n += (size_t)got;
        else if (errno != EINTR)
            break;
    said[n] = '\0';
    close(pipe_fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0)
        return fault("cannot start a process: %s", strerror(errno));
    if (WIFSIGNALED(status))
        return fault("importing %s ended with SIG%s", set, sigabbrev_np(WTERMSIG(status)));
    return WEXITSTATUS(status) == EXIT_OK ? 0 : fault("%s", said);
}

static int import_one(benchmark *b, const char *set)
{
    char path[PATH_MAX];
    int fresh = benchmark_found_fresh(b, set);
    if (fresh < 0 || benchmark_path(b, set, path, sizeof path) != 0)
        return -1;
    if (fresh > 0)
        return verify_set(path);
    if (import_apart(b, set) != 0)
        return -1;
    verify_note(path);
    return 0;
}

/* Every set that a network trained with outliers is judged or tuned by. */
static int check_outliers(const benchmark *b, const config *c, const char *outliers)
{
    static const char *const judges[] = {"near", "far", "tune", "id"};
    const char *others[MOST_OTHERS];
    int n = 0;
    text warnings = {0};
    for (int g = 0; g < 4; g++)
        for (int i = 0; i < config_items(c, judges[g]) && n < MOST_OTHERS; i++)
            others[n++] = config_item(c, judges[g], i);
    int rc = overlap_check(b, outliers, others, n, &warnings);
    if (rc == 0)
        fputs(text_str(&warnings), stderr);
    text_free(&warnings);
    return rc;
}

int sets_import(benchmark *b, const config *c)
{
    if (import_one(b, config_text(c, "id")) != 0)
        return -1;
    for (int g = 0; g < GROUPS; g++)
        for (int i = 0; i < config_items(c, groups[g]); i++)
            if (import_one(b, config_item(c, groups[g], i)) != 0)
                return -1;
    for (int i = 0; i < config_items(c, "outliers"); i++)
        if (check_outliers(b, c, config_item(c, "outliers", i)) != 0)
            return -1;
    return 0;
}
