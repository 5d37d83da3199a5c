/* overlap.c - by path and class where there are lists, and by the images always. */
#include "overlap.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "alike.h"
#include "bag.h"
#include "sources.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CLASS 512

/* ImageNet holds a picture or two under two classes. So few twins, one in a thousand of the
 * images that are judged by, move no result by more than 0.1 points: they are a warning. */
#define STRAY 1000

/* One side of the comparison. Images are numbered through all splits. */
typedef struct side {
    const bench_set *s;
    sources r;
    int found;                      /* r has its lists */
    dataset *d[SOURCES_SPLITS];     /* of the imported file; */
    const char *of[SOURCES_SPLITS]; /* their splits */
    int n;
} side;

/* --- by list --- */

static int from_lists(const side *a)
{
    return a->found;
}

/* Line `number` of a side, counted through its lists; its list goes to l. */
static const list_line *line_of(const side *a, int64_t number, const list **l)
{
    for (int i = 0; i < a->r.n; i++) {
        *l = &a->r.origins[i].l;
        if (number < (*l)->n)
            return &(*l)->lines[number];
        number -= (*l)->n;
    }
    return NULL;
}

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "train_tin_aux.txt:18" */
static char *place(const side *a, int64_t number)
{
    const list *l;
    const list_line *e = line_of(a, number, &l);
    return text_format("%s:%d", base(l->file), (int)e->number);
}

/* A class of WordNet: n and eight digits. */
static int is_wordnet(const char *folder, size_t n)
{
    if (n != 9 || folder[0] != 'n')
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!isdigit((unsigned char)folder[i]))
            return 0;
    return 1;
}

static int is_generic(const char *folder, size_t n)
{
    static const char *const words[] = {"train", "val", "test", "images", "training", "validation"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && strncmp(words[i], folder, n) == 0)
            return 1;
    return 0;
}

/* The letters that the first folder begins with: tin of tin_aux/..., 0 when there are none. */
static size_t family(const char *path)
{
    size_t n = 0;
    while (isalpha((unsigned char)path[n]))
        n++;
    return n;
}

static int same_family(const char *a, const char *b)
{
    size_t n = family(a);
    return n > 0 && n == family(b) && strncmp(a, b, n) == 0;
}

/* What names the class of a path everywhere (`n01443537`) or in its family (`tin/fish`);
 * 0 when its folders say nothing. */
static int class_of(const char *path, char name[MOST_CLASS])
{
    const char *last = NULL;
    size_t size = 0;
    for (const char *p = path, *end; (end = strchr(p, '/')) != NULL; p = end + 1) {
        size_t n = (size_t)(end - p);
        if (is_wordnet(p, n)) {
            snprintf(name, MOST_CLASS, "%.*s", (int)n, p);
            return 1;
        }
        if (p != path) {
            last = p;
            size = n;
        }
    }
    if (!last || is_generic(last, size))
        return 0;
    return snprintf(name, MOST_CLASS, "%.*s/%.*s", (int)family(path), path, (int)size, last) < MOST_CLASS;
}

typedef struct known { /* of the outliers */
    bag paths, classes;
    char **names; /* of the classes */
    int64_t n_names;
} known;

static void know(known *k, const side *a)
{
    char name[MOST_CLASS];
    const list *l;
    const list_line *e;
    for (int64_t i = 0; (e = line_of(a, i, &l)) != NULL; i++) {
        bag_add(&k->paths, e->path, strlen(e->path), i);
        if (!class_of(e->path, name) || bag_find(&k->classes, name, strlen(name)) >= 0)
            continue;
        k->names = text_more(k->names, (size_t)(k->n_names + 1) * sizeof *k->names);
        k->names[k->n_names] = text_copy(name);
        bag_add(&k->classes, k->names[k->n_names], strlen(name), i);
        k->n_names++;
    }
}

static void forget(known *k)
{
    for (int64_t i = 0; i < k->n_names; i++)
        free(k->names[i]);
    free(k->names);
    bag_free(&k->paths);
    bag_free(&k->classes);
}

static int shared_fault(const side *a, int64_t i, const side *o, int64_t j, const char *what, const char *name)
{
    char *here = place(a, i), *there = place(o, j);
    int rc = fault("the outliers %s and the set %s share the %s %s (%s, %s): take it out of one of the lists",
                   a->s->name, o->s->name, what, name, here, there);
    free(here);
    free(there);
    return rc;
}

/* Sets *unclear when data sets of one family have no class folders. */
static int compare_lists(const known *k, const side *a, const side *o, int *unclear)
{
    char name[MOST_CLASS];
    const list *l;
    const list_line *e, *first = line_of(a, 0, &l);
    for (int64_t i, j = 0; (e = line_of(o, j, &l)) != NULL; j++)
        if ((i = bag_find(&k->paths, e->path, strlen(e->path))) >= 0)
            return shared_fault(a, i, o, j, "image", e->path);
    for (int64_t i, j = 0; (e = line_of(o, j, &l)) != NULL; j++) {
        if (!class_of(e->path, name) || !k->n_names)
            *unclear |= same_family(e->path, first->path);
        else if ((i = bag_find(&k->classes, name, strlen(name))) >= 0)
            return shared_fault(a, i, o, j, "class", base(name));
    }
    return 0;
}

/* --- by image --- */

typedef struct verdict {
    int64_t count, first, other; /* identical images; the first of the other set and its twin */
} verdict;

static int64_t image_count(const side *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n; i++)
        n += dataset_count(a->d[i]);
    return n;
}

/* The outliers' images, in one of the ways to compare them; filled when it is needed first. */
typedef struct album {
    bag images;
    likeness of[SOURCES_SPLITS];
} album;

static void forget_images(album *m)
{
    bag_free(&m->images);
    for (int k = 0; k < SOURCES_SPLITS; k++)
        likeness_close(&m->of[k]);
}

static int know_images(album *m, const side *a, enum alike by)
{
    int64_t number = 0;
    size_t size;
    if (m->images.n)
        return 0;
    for (int k = 0; k < a->n; k++)
        if (likeness_open(&m->of[k], a->d[k], by) != 0)
            return -1;
    for (int k = 0; k < a->n; k++)
        for (int64_t i = 0; i < dataset_count(a->d[k]); i++) {
            const void *bytes = likeness_of(&m->of[k], i, &size);
            bag_add(&m->images, bytes, size, number++);
        }
    return 0;
}

static int compare_images(const album *m, const side *o, enum alike by, verdict *v)
{
    int64_t number = 0;
    size_t size;
    *v = (verdict){0};
    for (int k = 0; k < o->n; k++) {
        likeness l;
        if (likeness_open(&l, o->d[k], by) != 0)
            return -1;
        for (int64_t i = 0; i < dataset_count(o->d[k]); i++, number++) {
            const void *bytes = likeness_of(&l, i, &size);
            int64_t twin = bag_find(&m->images, bytes, size);
            if (twin >= 0 && v->count++ == 0) {
                v->first = twin;
                v->other = number;
            }
        }
        likeness_close(&l);
    }
    return 0;
}

/* Both sides, as they can be compared. */
static enum alike way_of(const side *a, const side *o)
{
    dataset *all[2 * SOURCES_SPLITS];
    int n = 0;
    for (int i = 0; i < a->n; i++)
        all[n++] = a->d[i];
    for (int i = 0; i < o->n; i++)
        all[n++] = o->d[i];
    return alike_by(all, n);
}

/* "train image 17, tin_aux/train/a.JPEG" */
static char *image_name(const side *a, int64_t number)
{
    const list *l;
    int64_t i = number;
    int k = 0;
    while (i >= dataset_count(a->d[k]))
        i -= dataset_count(a->d[k++]);
    const list_line *e = from_lists(a) ? line_of(a, number, &l) : NULL;
    return text_format("%s image %lld%s%s", a->of[k], (long long)i, e ? ", " : "", e ? e->path : "");
}

static int judge(const side *a, const side *o, const verdict *v, text *warnings)
{
    if (v->count == 0)
        return 0;
    char *here = image_name(a, v->first), *there = image_name(o, v->other);
    char *say = text_format("the outliers %s hold %lld of the %lld images of %s, first %s = %s", a->s->name,
                            (long long)v->count, (long long)image_count(o), o->s->name, here, there);
    int rc = 0;
    if (strcmp(o->s->group, "id") == 0 || v->count * STRAY < image_count(o))
        text_add(warnings, "%s\n", say);
    else
        rc = fault("%s: take them out of one of the two", say);
    free(say);
    free(here);
    free(there);
    return rc;
}

/* --- what was found before --- */

/* The pixels of both sides. */
static void key_of(const side *a, const side *o, char key[FILE_DIGEST])
{
    text t = {0};
    for (int i = 0; i < a->n; i++)
        text_add(&t, "%s\n", dataset_digest(a->d[i]));
    text_add(&t, "\n");
    for (int i = 0; i < o->n; i++)
        text_add(&t, "%s\n", dataset_digest(o->d[i]));
    file_digest_bytes(key, t.bytes, t.n);
    text_free(&t);
}

static int recall(const char *file, const side *a, const side *o, verdict *v)
{
    char key[FILE_DIGEST], *content, *at;
    size_t size;
    long long count, first, other;
    if (!file_exists(file) || file_read(file, &content, &size) != 0)
        return 0;
    key_of(a, o, key);
    at = strstr(content, key);
    int found = at && sscanf(at + strlen(key), "%lld %lld %lld", &count, &first, &other) == 3 && count >= 0 &&
                first >= 0 && first < image_count(a) && other >= 0 && other < image_count(o);
    free(content);
    if (found)
        *v = (verdict){count, first, other};
    return found;
}

/* A file that cannot be written costs the next run a second, nothing else. */
static void remember(const char *file, const side *a, const side *o, const verdict *v)
{
    char key[FILE_DIGEST], *content = NULL;
    size_t size;
    text t = {0};
    key_of(a, o, key);
    if (file_exists(file) && file_read(file, &content, &size) == 0)
        text_add(&t, "%s", content);
    text_add(&t, "%s %lld %lld %lld  %s %s\n", key, (long long)v->count, (long long)v->first, (long long)v->other,
             a->s->name, o->s->name);
    file_write(file, t.bytes, t.n);
    free(content);
    text_free(&t);
}

/* --- all together --- */

static void side_close(side *a)
{
    for (int i = 0; i < a->n; i++)
        dataset_close(a->d[i]);
    if (a->found)
        sources_free(&a->r);
    *a = (side){0};
}

static int side_open(side *a, const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    *a = (side){0};
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    a->s = benchmark_find(b, name);
    for (const char *split; a->n < SOURCES_SPLITS && (split = sources_split(b, a->s, a->n)) != NULL; a->n++) {
        if (dataset_open(&a->d[a->n], path, split) != 0) {
            side_close(a);
            return -1;
        }
        a->of[a->n] = split;
    }
    int listed = !a->s->npy && !a->s->form && !a->s->corrupt && a->s->drawn < 0;
    a->found = listed && sources_lists(&a->r, b, a->s) == 0; /* else images alone are compared */
    return 0;
}

/* Sets that are drawn differ in kind or share what they show. */
static int compare_drawn(const side *a, const side *o)
{
    if (a->s->drawn < 0 || a->s->drawn != o->s->drawn)
        return 0;
    return fault("the outliers %s and the set %s show the same, %s: expected outliers that are drawn otherwise",
                 a->s->name, o->s->name, shapes_kind_name(a->s->drawn));
}

static int compare_with(const known *k, album albums[ALIKE_KINDS], const side *a, const side *o, const char *file,
                        text *warnings, text *unclear)
{
    verdict v;
    int dark = (from_lists(a) || a->s->drawn >= 0) && (from_lists(o) || o->s->drawn >= 0) ? 0 : 1;
    if (compare_drawn(a, o) != 0)
        return -1;
    if (from_lists(a) && from_lists(o) && compare_lists(k, a, o, &dark) != 0)
        return -1;
    if (dark)
        text_add(unclear, "%s%s", unclear->n ? ", " : "", o->s->name);
    if (!recall(file, a, o, &v)) {
        enum alike by = way_of(a, o);
        if (know_images(&albums[by], a, by) != 0 || compare_images(&albums[by], o, by, &v) != 0)
            return -1;
        remember(file, a, o, &v);
    }
    return judge(a, o, &v, warnings);
}

static int compare_all(const benchmark *b, const side *a, const char *const others[], int n, text *warnings)
{
    char path[PATH_MAX], file[PATH_MAX];
    known k = {0};
    album albums[ALIKE_KINDS] = {0};
    text unclear = {0};
    int rc = benchmark_path(b, a->s->name, path, sizeof path);
    snprintf(file, sizeof file, "%.*s/overlap.txt", (int)(base(path) - path - 1), path);
    if (from_lists(a))
        know(&k, a);
    for (int i = 0; rc == 0 && i < n; i++) {
        side o;
        rc = side_open(&o, b, others[i]);
        if (rc != 0)
            break;
        rc = compare_with(&k, albums, a, &o, file, warnings, &unclear);
        side_close(&o);
    }
    if (rc == 0 && unclear.n)
        text_add(warnings,
                 "the classes of the outliers %s cannot be compared with those of %s: there is no list, or "
                 "no folder for each class, to tell them by\n",
                 a->s->name, text_str(&unclear));
    text_free(&unclear);
    for (int i = 0; i < ALIKE_KINDS; i++)
        forget_images(&albums[i]);
    forget(&k);
    return rc;
}

int overlap_check(const benchmark *b, const char *outliers, const char *const others[], int n, text *warnings)
{
    side a;
    if (side_open(&a, b, outliers) != 0)
        return -1;
    int rc = compare_all(b, &a, others, n, warnings);
    side_close(&a);
    return rc;
}
