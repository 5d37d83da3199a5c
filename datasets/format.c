/* format.c - the table of forms, and what opening one has in common. */
#include "format.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "decode.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 2048 };

/* In the order in which they are tried: a folder per class is what everything else is not. */
static const format *const formats[] = {&format_cifar, &format_idx,  &format_npz,
                                        &format_mat,   &format_hdf5, &format_tree};
enum { FORMATS = sizeof formats / sizeof *formats };

const format *format_at(int i)
{
    return i < FORMATS ? formats[i] : NULL;
}

const format *format_named(const char *s)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i]->name, s) == 0)
            return formats[i];
    return NULL;
}

int format_is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

const format *format_recognise(const char *path)
{
    uint8_t head[HEAD];
    int64_t n = 0;
    if (!format_is_folder(path) && (n = blob_peek(path, head, sizeof head)) < 0)
        return NULL;
    if (n == 0 && !format_is_folder(path)) {
        fault("%s is empty", path);
        return NULL;
    }
    for (int i = 0; i < FORMATS; i++)
        if (formats[i]->recognise(path, head, n))
            return formats[i];
    text t = {0};
    for (int i = 0; i < FORMATS; i++)
        text_add(&t, "%s%s", i ? "; " : "", formats[i]->what);
    fault("%s is nothing that is known by its content: expected %s; a list of images goes with their folder, LIST "
          "IMAGES",
          path, text_str(&t));
    text_free(&t);
    return NULL;
}

unsigned format_splits(const format *f, const char *path)
{
    return f->splits ? f->splits(path) : 0;
}

/* --- opening --- */

int format_open(opened *f, const format *form, const wanted *w, const opened *before)
{
    *f = (opened){.before = before};
    take_begin(&f->taken, w->take, w->names, w->classes);
    return form->open(f, w);
}

void opened_close(opened *f)
{
    for (int i = 0; i < f->n_blobs; i++)
        blob_close(&f->blobs[i]);
    for (int64_t i = 0; i < f->n_classes; i++)
        free(f->classes[i]);
    free(f->blobs);
    free(f->classes);
    pixels_free(&f->px);
    tar_free(&f->members);
    list_free(&f->l);
    free(f->root);
    free(f->first);
    text_free(&f->note);
    take_end(&f->taken);
    *f = (opened){0};
}

static blob *next_blob(opened *f)
{
    f->blobs = text_more(f->blobs, (size_t)(f->n_blobs + 1) * sizeof *f->blobs);
    return &f->blobs[f->n_blobs];
}

const blob *opened_file(opened *f, const char *path)
{
    if (f->before && f->before->first && strcmp(f->before->first, path) == 0)
        return &f->before->blobs[0];
    blob *b = next_blob(f);
    if (blob_open(b, path) != 0)
        return NULL;
    if (f->n_blobs++ == 0)
        f->first = text_copy(path);
    return b;
}

const blob *opened_spill(opened *f, spill *s)
{
    blob *b = next_blob(f);
    if (spill_end(s, b) != 0)
        return NULL;
    f->n_blobs++;
    return b;
}

void opened_class(opened *f, const char *name, size_t n)
{
    f->classes = text_more(f->classes, (size_t)(f->n_classes + 1) * sizeof *f->classes);
    f->classes[f->n_classes++] = text_format("%.*s", (int)n, name);
}

int opened_labels(opened *f, const wanted *w, const int64_t *values, int64_t n, const char *what)
{
    pixels *p = &f->px;
    if (!values && !w->outside)
        return fault("%s: there are no labels: name them with --labels, or give a group for which images need "
                     "none, as in --group far",
                     what);
    if (!values || w->outside)
        return 0;
    if (n != p->n)
        return fault("%s: %lld labels for %lld images: expected as many", what, (long long)n, (long long)p->n);
    p->labels = text_more(NULL, (size_t)(n + 1) * sizeof *p->labels);
    for (int64_t i = 0; i < n; i++) {
        if (values[i] < 0 || values[i] >= w->classes)
            return fault("%s: label %lld is %lld, expected 0 to %lld", what, (long long)i, (long long)values[i],
                         (long long)w->classes - 1);
        p->labels[i] = (int32_t)values[i];
    }
    return 0;
}

int opened_arrays(opened *f, const wanted *w, const char *what)
{
    f->px.side = w->side;
    f->px.resize = w->resize < 0 ? 0 : w->resize ? w->resize : w->side;
    return pixels_fill(&f->f, &f->px, what);
}

/* --- what it depends on --- */

static void add_stat(text *t, const char *name, const struct stat *s)
{
    text_add(t, "%s %lld %lld.%09ld\n", name, (long long)s->st_size, (long long)s->st_mtim.tv_sec,
             s->st_mtim.tv_nsec);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Names, sizes and times of all files below a folder that are taken. */
static int add_folder(text *t, const char *path, take *taken)
{
    char *const roots[] = {(char *)(uintptr_t)path, NULL};
    char digest[FILE_DIGEST];
    text all = {0};
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk)
        return fault("cannot read %s: %s", path, strerror(errno));
    int rc = 0;
    for (FTSENT *e; rc == 0 && (e = fts_read(walk)) != NULL;) {
        if (e->fts_info == FTS_F)
            add_stat(&all, e->fts_path + strlen(path), e->fts_statp);
        else if (e->fts_info == FTS_D)
            take_prune(taken, walk, e);
        else if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR)
            rc = fault("cannot read %s: %s", e->fts_path, strerror(e->fts_errno));
    }
    fts_close(walk);
    if (rc == 0)
        rc = take_check(taken, path);
    file_digest_bytes(digest, text_str(&all), all.n);
    text_add(t, "files %s\n", digest);
    text_free(&all);
    return rc;
}

static int add_file(text *t, const char *key, const char *path, take *taken)
{
    struct stat s;
    const char *slash = strrchr(path, '/');
    if (stat(path, &s) != 0)
        return fault("cannot read %s: %s", path, strerror(errno));
    if (S_ISDIR(s.st_mode))
        return add_folder(t, path, taken);
    text_add(t, "%s ", key);
    add_stat(t, slash ? slash + 1 : path, &s);
    return 0;
}

char *format_source(const format *form, const wanted *w)
{
    static const char *const taking[] = {"", "take classes\n", "take others\n"};
    char other[PATH_MAX] = "";
    text t = {0};
    take taken;
    take_begin(&taken, w->take, w->names, w->classes);
    text_add(&t, "form %s\n", form->name);
    if (form->beside)
        form->beside(w, other);
    int rc = add_file(&t, "file", w->path, &taken);
    if (rc == 0 && *other)
        rc = add_file(&t, "beside", other, &taken);
    take_end(&taken);
    if (w->images || w->labels)
        text_add(&t, "arrays %s %s\n", w->images ? w->images : "-", w->labels ? w->labels : "-");
    text_add(&t, "split %s\nlabels %s\nresize %lld\nside %lld\ndecoder %d\n", w->split,
             w->outside ? "outside" : "kept", (long long)w->resize, (long long)w->side, DECODE_VERSION);
    text_add(&t, "%s%s", taking[w->take], w->files ? "store files\n" : "");
    for (int64_t i = 0; w->names && (!w->outside || w->take) && i < w->classes; i++)
        text_add(&t, "%s%s", i ? "," : "classes ", w->names[i]);
    if (rc == 0)
        return t.bytes;
    text_free(&t);
    return NULL;
}
