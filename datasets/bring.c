/* bring.c - `oodbench import FILE-OR-FOLDER`: recognised, imported unless that was
 * done before, and told how a benchmark names it. */
#include "../harness/clock.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/layout.h"
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const groups[] = {"id", "csid", "near", "far", "tune", "outliers"};
enum { GROUPS = sizeof groups / sizeof *groups, INSIDE = 2, TREE_SIDE = 32 };

static int group_of(const char *name)
{
    int g = 0;
    while (g < GROUPS && strcmp(groups[g], name) != 0)
        g++;
    return g < GROUPS ? g : fault("--group: expected id, csid, near, far, tune or outliers, found `%s`", name);
}

static unsigned bit_of(const char *split)
{
    for (unsigned i = 0; i < SOURCES_SPLITS; i++)
        if (strcmp(sources_splits[i], split) == 0)
            return 1u << i;
    return 0;
}

/* Which splits come out: what is asked for, what a group looks at, all there are, or what the name says. */
static unsigned choose_splits(const bring *b, const format *form)
{
    const char *slash = strrchr(b->path, '/');
    unsigned there = format_splits(form, b->path);
    if (b->split)
        return bit_of(b->split);
    if (b->group && strcmp(b->group, "outliers") == 0)
        return bit_of("train");
    if (b->group && strcmp(b->group, "tune") == 0)
        return bit_of("val");
    if (b->group && strcmp(b->group, "id") != 0)
        return bit_of("test");
    return there ? there : bit_of(strncmp(slash ? slash + 1 : b->path, "train", 5) == 0 ? "train" : "test");
}

/* Without its extensions; of `a/b/` b. */
char *bring_name(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    const char *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;
    static const char *const tails[] = {".gz",  ".tgz", ".tar", ".zip",  ".npz",
                                        ".npy", ".mat", ".h5",  ".hdf5", ".bin"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t k = strlen(tails[i]);
        if (n > k && strncmp(name + n - k, tails[i], k) == 0)
            n -= k;
    }
    return text_format("%.*s", (int)n, name);
}

char *bring_out(const char *path, const char *name, const char *imported)
{
    char made[PATH_MAX];
    char *own = name ? NULL : bring_name(path);
    layout_imported(made, sizeof made);
    char *out = text_format("%s/%s.h5", imported ? imported : made, name ? name : own);
    free(own);
    return out;
}

static int is_fresh(const sources *r, const char *out)
{
    int fresh = file_exists(out);
    for (int i = 0; fresh && i < r->n; i++)
        fresh = sources_match(out, r->splits[i].name, r->splits[i].source);
    return fresh;
}

static void say_recognised(const bring *b, const format *form, const sources *r)
{
    const char *note = text_str(&r->origins[0].fo->note);
    printf("%s read as --%s: %s%s%lld x %lld pixels\n", b->path, form->name, note, *note ? ", " : "",
           (long long)r->splits[0].f.side, (long long)r->splits[0].f.side);
}

/* Where the file lies below the user's data folder is for the user to say. */
static void say_use(const bring *b, const format *form, const char *name)
{
    if (b->group)
        printf("a benchmark (.yml) names it among its sets as  %s: {group: %s, %s: %s}\n", name, b->group,
               form->name, b->path);
}

static int make(const bring *b, const format *form, sources *r, const char *out, const char *name)
{
    static const double no_mean[3] = {0, 0, 0}, no_std[3] = {1, 1, 1};
    if (is_fresh(r, out)) {
        printf("%-14s %-36s %s\n", name, "is up to date", out);
        return 0;
    }
    double began = clock_now();
    if (sources_load(r) != 0)
        return -1;
    const opened *f = r->origins[0].fo;
    store_header h = {.name = name,
                      .classes = (const char *const *)f->classes,
                      .n_classes = b->group && group_of(b->group) >= INSIDE ? 0 : f->n_classes,
                      .mean = no_mean,
                      .std = no_std};
    say_recognised(b, form, r);
    if (make_file(out, &h, r->splits, r->n) != 0)
        return -1;
    if (b->look)
        return 0;
    import_say(name, out, r->splits, r->n, clock_now() - began);
    say_use(b, form, name);
    return 0;
}

static const format *form_of(const bring *b)
{
    const format *form = b->form ? format_named(b->form) : NULL;
    if (!file_exists(b->path)) {
        fault("there is no file or folder %s", b->path);
        return NULL;
    }
    return form ? form : format_recognise(b->path);
}

int bring_in(const bring *b)
{
    sources r = {0};
    const format *form = form_of(b);
    int group = b->group ? group_of(b->group) : 0;
    if (!form || group < 0)
        return -1;
    wanted w = {.path = b->path,
                .images = b->images,
                .labels = b->labels,
                .outside = group >= INSIDE,
                .classes = b->classes,
                .side = b->side,
                .resize = b->resize,
                .files = b->files};
    if (b->files && form != &format_tree)
        return fault("--store files: expected images as files, and %s holds arrays (--%s)", b->path, form->name);
    if (!w.side && form == &format_tree)
        w.side = TREE_SIDE;
    char *out = b->out ? text_copy(b->out) : bring_out(b->path, b->name, b->imported);
    char *name = b->name ? text_copy(b->name) : import_name(out);
    int rc = sources_form(&r, form, &w, choose_splits(b, form), 0);
    if (rc == 0)
        rc = make(b, form, &r, out, name);
    sources_free(&r);
    free(name);
    free(out);
    return rc;
}
