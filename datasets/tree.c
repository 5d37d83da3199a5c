/* tree.c - pictures (PNG, JPEG) in a folder for each class, sorted, as ImageNet is
 * laid out: on the disk, in a tar (a tar of tars, too), in a zip, or tars side by
 * side, one for each class. Folders train, val and test above them are splits. */
#include "../harness/fault.h"
#include "../harness/file.h"
#include "format.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zip.h>

/* --- the pictures' paths --- */

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int ends_in(const char *name, const char *tail)
{
    size_t n = strlen(name), k = strlen(tail);
    return n > k && strcasecmp(name + n - k, tail) == 0;
}

static int is_picture(const char *path)
{
    const char *name = base(path);
    return name[0] != '.' && (ends_in(name, ".png") || ends_in(name, ".jpg") || ends_in(name, ".jpeg"));
}

static int is_tar(const char *name)
{
    return ends_in(name, ".tar") || ends_in(name, ".tar.gz") || ends_in(name, ".tgz");
}

/* Pictures on the disk or in a zip are members too, without bytes as yet. */
static void add(tar *t, char *name)
{
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->members = text_more(t->members, (size_t)t->cap * sizeof *t->members);
    }
    t->members[t->n++] = (tar_member){name, NULL, 0};
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A tar in the folder is a class, below its own name. */
static int add_tar(opened *f, const char *path, const char *below)
{
    const blob *b = opened_file(f, path);
    size_t n = strlen(below);
    while (n && below[n - 1] != '.')
        n--;
    if (n > 5 && strcasecmp(below + n - 5, ".tar.") == 0)
        n -= 4;
    char *prefix = text_format("%.*s/", (int)n - 1, below);
    int rc = b ? tar_read(&f->members, path, b->at, b->n, prefix) : -1;
    free(prefix);
    return rc;
}

static int list_folder(opened *f, const char *path)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    size_t skip = strlen(path);
    int rc = walk ? 0 : fault("cannot read %s: %s", path, strerror(errno));
    skip += skip && path[skip - 1] != '/';
    for (FTSENT *e; rc == 0 && (e = fts_read(walk)) != NULL;) {
        if (e->fts_info == FTS_F && is_picture(e->fts_path))
            add(&f->members, text_copy(e->fts_path + skip));
        else if (e->fts_info == FTS_D)
            take_prune(&f->taken, walk, e);
        else if (e->fts_info == FTS_F && is_tar(e->fts_path))
            rc = add_tar(f, e->fts_path, e->fts_path + skip);
        else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
            rc = fault("cannot read %s: %s", e->fts_path, strerror(e->fts_errno));
        else if (e->fts_info == FTS_DC)
            rc = fault("%s is a link to a folder that it lies in", e->fts_path);
    }
    if (walk)
        fts_close(walk);
    f->root = text_copy(path);
    return rc;
}

/* Members are `stem/...` for archive.h, which looks for the folder first. */
static int list_zip(opened *f, const char *path)
{
    int code;
    char *stem = text_format("%.*s", (int)strlen(path) - 4, path);
    int rc = format_is_folder(stem)
                 ? fault("there is a folder %s beside the zip: import that, or move one of them", stem)
                 : 0;
    zip_t *z = rc == 0 ? zip_open(path, ZIP_RDONLY, &code) : NULL;
    if (rc == 0 && !z)
        rc = fault("cannot read the archive %s: is it complete?", path);
    for (int64_t i = 0; z && i < zip_get_num_entries(z, 0); i++) {
        const char *name = zip_get_name(z, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (name && is_picture(name))
            add(&f->members, text_copy(name));
    }
    if (z)
        zip_discard(z);
    f->root = text_format("%.*s", (int)(base(path) - path), path);
    if (!*f->root) {
        free(f->root);
        f->root = text_copy(".");
    }
    free(stem);
    return rc;
}

static void keep_pictures(tar *t)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->n; i++) {
        if (is_picture(t->members[i].name))
            t->members[n++] = t->members[i];
        else
            free(t->members[i].name);
    }
    t->n = n;
}

/* A folder before the longer names that begin like it, as sorting the names of folders has them. */
static int compare(const void *a, const void *b)
{
    const unsigned char *p = (const unsigned char *)((const tar_member *)a)->name;
    const unsigned char *q = (const unsigned char *)((const tar_member *)b)->name;
    while (*p && *p == *q)
        p++, q++;
    return (*p == '/' ? 1 : *p) - (*q == '/' ? 1 : *q);
}

static int no_pictures(const wanted *w)
{
    return fault("%s holds no pictures%s: expected .png, .jpg or .jpeg files, in a folder for each class", w->path,
                 w->take == TAKE_OTHERS ? " but those of the benchmark's classes" : "");
}

static int list_pictures(opened *f, const wanted *w, const char *path)
{
    int rc;
    if (format_is_folder(path)) {
        rc = list_folder(f, path);
    } else if (ends_in(path, ".zip")) {
        rc = list_zip(f, path);
    } else {
        const blob *b = opened_file(f, path);
        rc = b ? tar_read(&f->members, path, b->at, b->n, "") : -1;
    }
    keep_pictures(&f->members);
    if (rc == 0 && f->members.n == 0)
        rc = no_pictures(w);
    if (rc == 0)
        qsort(f->members.members, (size_t)f->members.n, sizeof *f->members.members, compare);
    return rc;
}

/* --- splits and classes --- */

static const char *const split_names[][4] = {
    {"train", "training"}, {"val", "valid", "validation", "train"}, {"test", "testing", "val"}};

static size_t component(const char *path)
{
    size_t n = strcspn(path, "/");
    return path[n] ? n : 0;
}

/* Where the paths begin to differ: behind the folders that all have in common. Below them a
 * folder must be left for every picture, or it is the class. */
static size_t common(const tar *t)
{
    const char *first = t->members[0].name;
    size_t n = 0;
    for (;;) {
        size_t k = component(first + n);
        if (!k)
            return n;
        for (int64_t i = 0; i < t->n; i++)
            if (strncmp(t->members[i].name, first, n + k + 1) != 0)
                return n;
        n += k + 1;
    }
}

static int is_word(const char *at, size_t n, const char *const words[4])
{
    for (int i = 0; i < 4 && words[i]; i++)
        if (strlen(words[i]) == n && strncasecmp(at, words[i], n) == 0)
            return 1;
    return 0;
}

static int is_split(const char *at, size_t n)
{
    return is_word(at, n, split_names[0]) || is_word(at, n, split_names[1]) || is_word(at, n, split_names[2]);
}

static const char *const *names_of(const char *split)
{
    return split_names[strcmp(split, "train") == 0 ? 0 : strcmp(split, "val") == 0 ? 1 : 2];
}

/* Do all lie in folders called train, val, test? */
static int in_splits(const tar *t, size_t skip)
{
    for (int64_t i = 0; i < t->n; i++)
        if (!is_split(t->members[i].name + skip, component(t->members[i].name + skip)))
            return 0;
    return 1;
}

/* Then those of the best that the split is called by. */
static int keep_split(tar *t, size_t skip, const char *split, const char *path)
{
    const char *const *names = names_of(split);
    if (!in_splits(t, skip))
        return 0;
    for (int k = 0; k < 4 && names[k]; k++) {
        const char *const only[4] = {names[k]};
        int64_t n = 0;
        for (int64_t i = 0; i < t->n; i++) {
            const char *at = t->members[i].name + skip;
            if (is_word(at, component(at), only)) {
                tar_member m = t->members[n];
                t->members[n++] = t->members[i];
                t->members[i] = m;
            }
        }
        for (int64_t i = n; n && i < t->n; i++)
            free(t->members[i].name);
        t->n = n ? n : t->n;
        if (n)
            return 0;
    }
    return fault("%s has folders train, val or test, but none for the split %s: give another with --split", path,
                 split);
}

/* Those in the folders of classes that are taken. Of one other class that was all a walk came
 * to, the folder is common to all. */
static int keep_taken(opened *f, const wanted *w, size_t skip)
{
    tar *t = &f->members;
    int below = in_splits(t, skip);
    int64_t n = 0, all = t->n;
    for (int64_t i = 0; i < all; i++) {
        const char *at = t->members[i].name + skip;
        at += below ? component(at) + 1 : 0;
        size_t k = component(at);
        if (k ? take_wants(&f->taken, at, k) : w->take == TAKE_OTHERS && !below)
            t->members[n++] = t->members[i];
        else
            free(t->members[i].name);
    }
    t->n = n;
    if (take_check(&f->taken, w->path) != 0)
        return -1;
    return n ? 0 : no_pictures(w);
}

/* Every class has pictures in this split. */
static int check_taken(opened *f, const wanted *w)
{
    char *split = text_format("%s, for its images to %s with,", w->path,
                              strcmp(w->split, "train") == 0 ? "train" : "test");
    memset(f->taken.met, 0, (size_t)f->taken.n);
    for (int64_t i = 0; i < f->n_classes; i++)
        take_wants(&f->taken, f->classes[i], strlen(f->classes[i]));
    int rc = take_check(&f->taken, split);
    free(split);
    return rc;
}

/* Names the classes, and gives their number in `label` for every picture: -1 where there are none. */
static int classify(opened *f, size_t skip, const wanted *w, int64_t *label)
{
    const tar *t = &f->members;
    for (int64_t i = 0; i < t->n; i++) {
        const char *at = t->members[i].name + skip;
        size_t n = component(at);
        const char *last = f->n_classes ? f->classes[f->n_classes - 1] : "";
        if (!n && f->n_classes)
            return fault("%s: %s lies in no folder of a class, as others do", w->path, t->members[i].name);
        if (n && i && !f->n_classes)
            return fault("%s: %s lies in no folder of a class, as others do", w->path, t->members[0].name);
        if (n && (strlen(last) != n || strncmp(last, at, n) != 0))
            opened_class(f, at, n);
        label[i] = f->n_classes - 1;
    }
    return 0;
}

/* A benchmark's numbers for the folders: by name when it knows them all, else in their order. */
static int renumber(const opened *f, const wanted *w, int64_t *label)
{
    int64_t *number = text_more(NULL, (size_t)(f->n_classes + 1) * sizeof *number);
    int64_t known = 0;
    for (int64_t i = 0; i < f->n_classes; i++)
        for (int64_t k = 0; k < w->classes; k++)
            if (strcmp(f->classes[i], w->names[k]) == 0) {
                number[i] = k;
                known++;
                break;
            }
    for (int64_t i = 0; known == f->n_classes && i < f->members.n; i++)
        label[i] = number[label[i]];
    free(number);
    if (known == f->n_classes || f->n_classes == w->classes)
        return 0;
    return fault("%s has folders for %lld classes, of which the benchmark names %lld of its %lld: expected its "
                 "names, or as many folders, in its order",
                 w->path, (long long)f->n_classes, (long long)known, (long long)w->classes);
}

static int label_all(opened *f, const wanted *w, size_t skip, int64_t *label)
{
    if (classify(f, skip, w, label) != 0 || (w->take == TAKE_CLASSES && check_taken(f, w) != 0))
        return -1;
    if (!w->outside && f->n_classes && w->names && renumber(f, w, label) != 0)
        return -1;
    if (!w->outside && f->n_classes > w->classes)
        return fault("%s has folders for %lld classes, expected at most %lld", w->path, (long long)f->n_classes,
                     (long long)w->classes);
    return !w->outside && !f->n_classes
               ? fault("%s has no folder for each class: for images outside the classes say so, as in --group far",
                       w->path)
               : 0;
}

/* --- opening --- */

/* The list that images.h wants; it borrows the names. */
static void make_list(opened *f, const wanted *w, const int64_t *label)
{
    f->l = (list){.file = text_copy(w->path), .n = f->members.n, .outside = w->outside};
    f->l.lines = text_more(NULL, (size_t)f->l.n * sizeof *f->l.lines);
    for (int64_t i = 0; i < f->l.n; i++)
        f->l.lines[i] = (list_line){.path = f->members.members[i].name,
                                    .label = w->outside ? -1 : (int32_t)label[i]};
    f->im = (images){.l = &f->l,
                     .root = f->root ? f->root : "",
                     .members = &f->members,
                     .resize = w->resize < 0 ? 0
                               : w->resize   ? w->resize
                                             : w->side,
                     .side = w->side,
                     .files = w->files};
}

/* A zip's members are found below its name. */
static void below_zip(opened *f, const char *path)
{
    const char *name = base(path);
    for (int64_t i = 0; ends_in(path, ".zip") && i < f->members.n; i++) {
        char *full = text_format("%.*s/%s", (int)strlen(name) - 4, name, f->members.members[i].name);
        free(f->members.members[i].name);
        f->members.members[i].name = full;
    }
}

static int open_tree(opened *f, const wanted *w)
{
    if (!w->side)
        return fault("%s holds pictures of any size: say to which they are brought and cut, as in --side 32",
                     w->path);
    if (list_pictures(f, w, w->path) != 0)
        return -1;
    size_t skip = common(&f->members);
    if (w->take && keep_taken(f, w, skip) != 0)
        return -1;
    skip = common(&f->members);
    if (keep_split(&f->members, skip, w->split, w->path) != 0)
        return -1;
    skip = common(&f->members);
    if (f->members.n > INT32_MAX)
        return fault("%s holds more than %d pictures", w->path, INT32_MAX);
    int64_t *label = text_more(NULL, (size_t)f->members.n * sizeof *label);
    int rc = label_all(f, w, skip, label);
    below_zip(f, w->path);
    if (rc == 0) {
        make_list(f, w, label);
        f->f = images_fill(&f->im);
        text_add(&f->note, "%lld classes", (long long)f->n_classes);
    }
    free(label);
    return rc;
}

static unsigned splits(const char *path)
{
    static const char *const names[] = {"train", "val", "test"};
    char below[PATH_MAX];
    unsigned bits = 0;
    for (unsigned i = 0; format_is_folder(path) && i < 3; i++)
        bits |= format_is_folder(file_join(below, sizeof below, path, names[i])) ? 1u << i : 0;
    return bits;
}

/* Any folder, tar or zip: looking into it is opening it. */
static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    return n == 0 || tar_recognise(head, n) || (n > 4 && memcmp(head, "PK\3\4", 4) == 0 && ends_in(path, ".zip"));
}

const format format_tree = {.name = "tree",
                            .what = "pictures in a folder for each class, on the disk, in a tar or a zip",
                            .recognise = recognise,
                            .splits = splits,
                            .open = open_tree};
