/* arrays.c - names that are usual, and what to say when there are others. */
#include "arrays.h"
#include "../harness/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const of_splits[][4] = {{"train"}, {"val", "valid", "train"}, {"test"}};
static const char *const splits[] = {"train", "val", "test"};

/* %s is a split; those without go for all. */
static const char *const image_names[] = {"x_%s", "X_%s", "%s_x",      "%s_X",    "%s_images", "images_%s",
                                          "%s/x", "%s/X", "%s/images", "%s_data", "images",    "x",
                                          "X",    "data", "arr_0",     NULL};
static const char *const label_names[] = {"y_%s",  "Y_%s",    "%s_y",        "%s_Y",   "%s_labels", "labels_%s",
                                          "%s/y",  "%s/Y",    "%s/labels",   "labels", "y",         "Y",
                                          "label", "targets", "fine_labels", "arr_1",  NULL};

array *arrays_add(arrays *a, const char *name)
{
    a->at = text_more(a->at, (size_t)(a->n + 1) * sizeof *a->at);
    a->at[a->n] = (array){.name = text_copy(name)};
    return &a->at[a->n++];
}

void arrays_free(arrays *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->at[i].name);
    free(a->at);
    a->at = NULL;
    a->n = 0;
}

int64_t array_count(const array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->dims; i++) {
        if (a->extent[i] && n > INT64_MAX / 2 / a->extent[i])
            return -1;
        n *= a->extent[i];
    }
    return n;
}

static const array *named(const arrays *a, const char *name)
{
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->at[i].name, name + (name[0] == '/')) == 0)
            return &a->at[i];
    return NULL;
}

/* Of one split, as it is called there. */
static const array *of_split(const arrays *a, const char *const names[], const char *called)
{
    for (int i = 0; names[i]; i++) {
        char name[64];
        size_t before = strcspn(names[i], "%");
        if (!names[i][before])
            continue;
        snprintf(name, sizeof name, "%.*s%s%s", (int)before, names[i], called, names[i] + before + 2);
        const array *found = named(a, name);
        if (found)
            return found;
    }
    return NULL;
}

static const array *of_all(const arrays *a, const char *const names[])
{
    for (int i = 0; names[i]; i++) {
        const array *found = strchr(names[i], '%') ? NULL : named(a, names[i]);
        if (found)
            return found;
    }
    return NULL;
}

static const array *usual(const arrays *a, const char *split, const char *const names[])
{
    for (int s = 0; s < 3; s++)
        for (int k = 0; strcmp(splits[s], split) == 0 && of_splits[s][k]; k++) {
            const array *found = of_split(a, names, of_splits[s][k]);
            if (found)
                return found;
        }
    return of_all(a, names);
}

unsigned arrays_splits(const arrays *a)
{
    unsigned bits = 0;
    for (unsigned s = 0; s < 3; s++)
        bits |= of_split(a, image_names, splits[s]) ? 1u << s : 0;
    return bits;
}

static int none(const arrays *a, const char *what, const char *name)
{
    text t = {0};
    for (int i = 0; i < a->n && i < 12; i++) {
        text_add(&t, "%s%s", i ? ", " : "", a->at[i].name);
        for (int k = 0; k < a->at[i].dims; k++)
            text_add(&t, "%s%lld", k ? " x " : " ", (long long)a->at[i].extent[k]);
    }
    int rc = fault("%s holds no array %s%sof %s: name it with --%s; it holds %s%s", a->path, name ? name : "",
                   name ? " " : "", what, what, a->n ? text_str(&t) : "no array", a->n > 12 ? ", ..." : "");
    text_free(&t);
    return rc;
}

/* A lone array of bytes that may be images is them, however it is called. */
static const array *lone(const arrays *a)
{
    const array *found = NULL;
    for (int i = 0; i < a->n; i++)
        if (a->at[i].bytes && a->at[i].dims >= 3) {
            if (found)
                return NULL;
            found = &a->at[i];
        }
    return found;
}

/* SVHN, which MATLAB wrote, counts its digits from 1 and calls zero 10. */
static void count_digits(opened *f, int64_t *labels, int64_t n)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (int64_t i = 0; i < n; i++) {
        least = labels[i] < least ? labels[i] : least;
        most = labels[i] > most ? labels[i] : most;
    }
    if (least != 1 || most != 10)
        return;
    for (int64_t i = 0; i < n; i++)
        labels[i] %= 10;
    text_add(&f->note, ", labels 1 to 10, 10 being the digit 0 as in SVHN");
}

static int open_labels(opened *f, const wanted *w, const arrays *a)
{
    const array *y = w->labels ? named(a, w->labels) : usual(a, w->split, label_names);
    if (w->labels && !y)
        return none(a, "labels", w->labels);
    if (!y || w->outside)
        return opened_labels(f, w, NULL, 0, a->path);
    int64_t n = array_count(y);
    if (y->dims == 0 || n != f->px.n)
        return fault("%s: %s has %lld numbers, expected a label for each of %lld images", a->path, y->name,
                     (long long)(y->dims ? n : 0), (long long)f->px.n);
    int64_t *values = text_more(NULL, (size_t)(n + 1) * sizeof *values);
    int rc = a->numbers(a, f, y, values);
    if (rc == 0 && a->order == PIXELS_FORTRAN)
        count_digits(f, values, n);
    if (rc == 0)
        rc = opened_labels(f, w, values, n, a->path);
    free(values);
    return rc;
}

int arrays_open(opened *f, const wanted *w, const arrays *a)
{
    char what[PATH_MAX];
    piece p;
    const array *x = w->images ? named(a, w->images) : usual(a, w->split, image_names);
    if (!x && !w->images)
        x = lone(a);
    if (!x)
        return none(a, "images", w->images);
    snprintf(what, sizeof what, "%.4000s: %.80s", a->path, x->name);
    if (!x->bytes)
        return fault("%s is no array of bytes, expected images: save it again as uint8, 0 to 255", what);
    if (array_count(x) < 0)
        return fault("%s: its extents are larger than any file", what);
    if (pixels_shape(&p, NULL, x->extent, x->dims, a->order, what) != 0)
        return -1;
    p.at = a->pixels(a, f, x);
    if (!p.at)
        return -1;
    pixels_add(&f->px, &p);
    text_add(&f->note, "images %s", x->name);
    return open_labels(f, w, a) != 0 ? -1 : opened_arrays(f, w, what);
}
