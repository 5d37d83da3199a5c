/* format.h - the forms in which image sets are published, and one of them opened.
 * A form is a file here that exports a `format`, and a line of the table in format.c.
 * Functions return 0, or -1 with fault(). */
#ifndef FORMAT_H
#define FORMAT_H

#include "../harness/text.h"
#include "blob.h"
#include "images.h"
#include "pixels.h"
#include "take.h"
#include "tar.h"

#include <limits.h>

typedef struct wanted { /* what of a file or folder becomes which split */
    const char *path;
    const char *split;           /* "train" "val" "test": of sources that hold several */
    const char *images, *labels; /* names of arrays inside, or a file of labels; NULL: those that are usual */
    int64_t side, resize;        /* 0: as they are; forms with images of any size need them.
                             * resize -1: left alone, only cropped */
    int files;                   /* of a tree: its images are kept as files */
    int outside;                 /* labels become -1 */
    int64_t classes;             /* else they are 0 .. classes-1 */
    const char *const *names;    /* the classes', or NULL: then labels follow the folders */
    enum take_which take;        /* which folders of a tree, by those names */
} wanted;

typedef struct opened { /* a split, ready to be made; must not move */
    fill f;
    char **classes; /* their names, where the source has them */
    int64_t n_classes;
    text note; /* what was taken for what, for the user */
    /* inside */
    pixels px;
    blob *blobs;
    int n_blobs;
    char *first;                 /* the path of blobs[0] */
    const struct opened *before; /* another split of the same source */
    tar members;
    list l;
    images im;
    char *root;
    take taken;
} opened;

typedef struct format {
    const char *name; /* "mat": the key of a set, and the option */
    const char *what; /* "MATLAB arrays (.mat)" */
    /* Is it this? By content; `head` are its first n bytes, unpacked, or n = 0: a folder. */
    int (*recognise)(const char *path, const uint8_t *head, int64_t n);
    /* Bits of those splits (train 1, val 2, test 4) that are told apart; NULL, 0: there is but one.
     * Nothing is unpacked for it. */
    unsigned (*splits)(const char *path);
    int (*open)(opened *f, const wanted *w);
    /* A file beside `path` that belongs to it, or ""; may be NULL. */
    void (*beside)(const wanted *w, char other[PATH_MAX]);
} format;

extern const format format_cifar, format_idx, format_npz, format_mat, format_hdf5, format_tree;

const format *format_at(int i);            /* NULL behind the last */
const format *format_named(const char *s); /* NULL: no such form */

/* NULL with fault(): nothing that is known, or not there. */
const format *format_recognise(const char *path);
unsigned format_splits(const format *f, const char *path);

/* Opens what is wanted; opened_close() also after a failure. `before`, which stays open as long,
 * is another split of the same source, whose file need not be unpacked again; or NULL. */
int format_open(opened *f, const format *form, const wanted *w, const opened *before);
void opened_close(opened *f);

/* What the split depends on, one `key value` a line, from names, sizes and times alone;
 * the caller frees it. NULL with fault(). */
char *format_source(const format *form, const wanted *w);

/* --- for the forms --- */

/* A file, mapped as long as `f` is open; NULL with fault(). The place stays until the next call. */
const blob *opened_file(opened *f, const char *path);
/* The same of bytes that were written aside: takes over `s`. */
const blob *opened_spill(opened *f, spill *s);

void opened_class(opened *f, const char *name, size_t n); /* adds one */

/* n labels as `w` wants them: checked, or -1. `what` names them in the fault. NULL values: none, all -1. */
int opened_labels(opened *f, const wanted *w, const int64_t *values, int64_t n, const char *what);

/* The end of opening arrays: sizes, f->f. */
int opened_arrays(opened *f, const wanted *w, const char *what);

int format_is_folder(const char *path);

#endif
