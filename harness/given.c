/* given.c - which arrays of a file are what, and whether they fit one another. */
#include "given.h"
#include "config.h"
#include "fault.h"
#include "file.h"
#include "given_reader.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *word;
    enum given_role role;
    int named;
} roles[] = {{"train", GIVEN_TRAIN, 0}, {"val", GIVEN_VAL, 0},   {"test", GIVEN_TEST, 0},
             {"near", GIVEN_NEAR, 1},   {"far", GIVEN_FAR, 1},   {"ood", GIVEN_FAR, 1},
             {"csid", GIVEN_CSID, 1},   {"tune", GIVEN_TUNE, 1}, {"head", GIVEN_HEAD, 0}};
#define MOST_NUMBERS (INT64_C(1) << 42)
enum { ROLES = sizeof roles / sizeof *roles, HEAD = ROLES - 1 };

/* Behind our words those that programs for CLIP write. */
static const struct {
    const char *word;
    enum given_piece piece;
} pieces[] = {{"features", GIVEN_FEATURES},
              {"logits", GIVEN_LOGITS},
              {"labels", GIVEN_LABELS},
              {"weight", GIVEN_WEIGHT},
              {"bias", GIVEN_BIAS},
              {"image_features", GIVEN_FEATURES},
              {"image_embeds", GIVEN_FEATURES},
              {"image_embeddings", GIVEN_FEATURES}};
enum { PIECES = sizeof pieces / sizeof *pieces };

/* What texts of the classes were made into: a head to compare with by cosine. */
static const char *const texts[] = {"text_features", "text_embeds", "text_embeddings"};
enum { TEXTS = sizeof texts / sizeof *texts };
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

const char *given_role_name(enum given_role role)
{
    int i = 0;
    while (roles[i].role != role)
        i++;
    return roles[i].word;
}

given_array *given_add(given *g, const char *name)
{
    g->arrays = text_more(g->arrays, (size_t)(g->narrays + 1) * sizeof *g->arrays);
    given_array *a = &g->arrays[g->narrays++];
    *a = (given_array){.name = text_copy(name)};
    return a;
}

/* --- names --- */

/* "near", "tin_c", "features": begin and length in an array's name. */
typedef struct parsed {
    int role, piece;          /* numbers in the tables, or -1 */
    char first[64], last[64]; /* the words that should be them */
    const char *name;
    int length;
} parsed;

static int is_separator(char c)
{
    return c == '/' || c == '.' || c == '_';
}

/* The piece that a name ends in, the longest that fits; its length, 0: none. */
static size_t piece_of(const char *full, int *piece)
{
    size_t n = strlen(full), longest = 0;
    for (int i = 0; i < PIECES; i++) {
        size_t k = strlen(pieces[i].word);
        if (k <= longest || n < k + 2 || !is_separator(full[n - k - 1]) ||
            strcmp(full + n - k, pieces[i].word) != 0)
            continue;
        longest = k;
        *piece = (int)pieces[i].piece;
    }
    return longest;
}

/* Words of one name, whatever separates them. */
static int same_words(const char *a, const char *b)
{
    while (*a && (*a == *b || (is_separator(*a) && is_separator(*b))))
        a++, b++;
    return *a == *b;
}

static int is_text(const char *full)
{
    for (int i = 0; i < TEXTS; i++)
        if (same_words(full, texts[i]))
            return 1;
    return 0;
}

static parsed parse(const char *full)
{
    parsed p = {-1, -1, "", "", full, 0};
    if (is_text(full))
        return (parsed){HEAD, GIVEN_WEIGHT, "head", "weight", full, 0};
    size_t n = strlen(full), head = strcspn(full, "/._"), tail = n - piece_of(full, &p.piece);
    while (tail > 0 && !is_separator(full[tail - 1]))
        tail--;
    snprintf(p.first, sizeof p.first, "%.*s", (int)head, full);
    snprintf(p.last, sizeof p.last, "%s", full + tail);
    for (int i = 0; i < ROLES; i++)
        if (strcmp(roles[i].word, p.first) == 0)
            p.role = i;
    p.name = full + head + (head < n);
    p.length = tail > head + 1 ? (int)(tail - head - 2) : 0;
    return p;
}

/* "did you mean" where a word is nearly one that is known, else NULL. */
static const char *meant(const parsed *p)
{
    const char *words[ROLES], *parts[GIVEN_PIECES];
    for (int i = 0; i < ROLES; i++)
        words[i] = roles[i].word;
    for (int i = 0; i < GIVEN_PIECES; i++)
        parts[i] = pieces[i].word;
    return p->role < 0 ? config_nearest(p->first, words, ROLES) : config_nearest(p->last, parts, GIVEN_PIECES);
}

/* An array that cannot be placed: 0 where it may be anything. */
static int explain(const given *g, const given_array *a, const parsed *p)
{
    const char *near = meant(p);
    if (p->role < 0 && p->piece >= 0)
        return fault("%s: %s: there are train, val, test, near/NAME, far/NAME, ood/NAME, csid/NAME, tune/NAME and "
                     "head%s%s%s",
                     g->path, a->name, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    if (p->role >= 0 && near)
        return fault("%s: %s: a set has features, logits and labels, the head weight and bias; did you mean `%s`?",
                     g->path, a->name, near);
    return 0;
}

static int check_name(const given *g, const given_array *a, const parsed *p)
{
    int head = roles[p->role].role == GIVEN_HEAD;
    if (head != (p->piece == GIVEN_WEIGHT || p->piece == GIVEN_BIAS))
        return fault("%s: %s: a set has features, logits and labels, the head weight and bias", g->path, a->name);
    if (!roles[p->role].named && p->length)
        return fault("%s: %s: expected %s/%s; sets with names are near/NAME, far/NAME, ood/NAME, csid/NAME, "
                     "tune/NAME",
                     g->path, a->name, p->first, p->last);
    if (roles[p->role].named && !p->length)
        return fault("%s: %s: this set has no name: expected %s/NAME/%s", g->path, a->name, p->first, p->last);
    if (p->length > 100 || strspn(p->name, letters) < (size_t)p->length || (p->length && p->name[0] == '.'))
        return fault("%s: %s: a set's name has letters, digits, `_`, `-` and `.`, at most 100", g->path, a->name);
    return 0;
}

/* --- shapes --- */

static char *shape_of(const given_array *a)
{
    text t = {0};
    for (int i = 0; i < a->dims; i++)
        text_add(&t, i ? ",%lld" : "[%lld", (long long)a->shape[i]);
    text_add(&t, a->dims ? "]" : "a single number");
    return t.bytes;
}

static int refuse_shape(const given *g, const given_array *a, const char *expected)
{
    char *shape = shape_of(a);
    fault("%s: %s is %s, expected %s", g->path, a->name, shape, expected);
    free(shape);
    return -1;
}

static int check_array(const given *g, const given_array *a, enum given_piece piece)
{
    static const char *const expected[GIVEN_PIECES] = {"[samples,features]", "[samples,classes]", "[samples]",
                                                       "[classes,features]", "[classes]"};
    int labels = piece == GIVEN_LABELS;
    if (a->dims < 0 || a->dims > 4)
        return fault("%s: %s is no array of numbers, expected %s", g->path, a->name, expected[piece]);
    if (labels == a->real)
        return fault("%s: %s holds %s, expected %s", g->path, a->name, a->real ? "floats" : "whole numbers",
                     labels ? "whole numbers" : "float16, float32 or float64");
    int column = labels && a->dims == 2 && a->shape[1] == 1;
    if (a->dims != (labels || piece == GIVEN_BIAS ? 1 : 2) && !column)
        return refuse_shape(g, a, expected[piece]);
    for (int i = 0; i < a->dims; i++)
        if (a->shape[i] < 1 || a->shape[i] > INT32_MAX)
            return refuse_shape(g, a, "at least one of everything");
    if (a->shape[0] > MOST_NUMBERS / given_row(a))
        return refuse_shape(g, a, "what fits into some memory");
    return 0;
}

static given_set *set_of(given *g, enum given_role role, const char *name, int length)
{
    if (role == GIVEN_HEAD)
        return &g->head;
    for (int i = 0; i < g->nsets; i++)
        if (g->sets[i].role == role && strncmp(g->sets[i].name, name, (size_t)length) == 0 &&
            !g->sets[i].name[length])
            return &g->sets[i];
    g->sets = text_more(g->sets, (size_t)(g->nsets + 1) * sizeof *g->sets);
    int at = g->nsets++;
    for (; at > 0 && g->sets[at - 1].role > role; at--)
        g->sets[at] = g->sets[at - 1];
    g->sets[at] = (given_set){.role = role, .name = text_format("%.*s", length, name)};
    return &g->sets[at];
}

static int place(given *g, const given_array *a, text *others)
{
    parsed p = parse(a->name);
    if (p.role < 0 || p.piece < 0) {
        text_add(others, "%s%s", others->n ? ", " : "", a->name);
        return explain(g, a, &p);
    }
    enum given_piece piece = (enum given_piece)p.piece;
    if (check_name(g, a, &p) != 0 || check_array(g, a, piece) != 0)
        return -1;
    given_set *s = set_of(g, roles[p.role].role, p.name, p.length);
    if (s->at[piece])
        return fault("%s: %s and %s are the same: keep one", g->path, s->at[piece]->name, a->name);
    s->at[piece] = a;
    return 0;
}

/* --- sets together --- */

/* *extent is 0 before anything said what it is; `by` then says who did. */
static int agree(const given *g, const given_array *a, int dimension, int64_t *extent, const char **by)
{
    static const char *const what[] = {"rows", "columns"};
    if (!a)
        return 0;
    if (*extent && a->shape[dimension] != *extent)
        return fault("%s: %s has %lld %s, %s asks for %lld", g->path, a->name, (long long)a->shape[dimension],
                     what[dimension], *by, (long long)*extent);
    if (!*extent)
        *by = a->name;
    *extent = a->shape[dimension];
    return 0;
}

static int check_set(const given *g, given_set *s)
{
    const char *by = NULL;
    for (int i = 0; i <= GIVEN_LABELS; i++)
        if (agree(g, s->at[i], 0, &s->n, &by) != 0)
            return -1;
    if (!s->at[GIVEN_FEATURES] && !s->at[GIVEN_LOGITS])
        return fault("%s: %s has labels alone: expected features or logits beside them", g->path,
                     s->at[GIVEN_LABELS]->name);
    return 0;
}

/* As linear layers without a name often keep it; of as many classes as features none can tell. */
static int is_turned(const given *g, const given_array *weight)
{
    for (int i = 0; i < g->nsets; i++) {
        const given_array *a = g->sets[i].at[GIVEN_FEATURES];
        if (a)
            return weight->shape[1] != a->shape[1] && weight->shape[0] == a->shape[1];
    }
    return 0;
}

static int check_extents(given *g)
{
    const char *wide = NULL, *classes = NULL;
    const given_array *weight = g->head.at[GIVEN_WEIGHT], *bias = g->head.at[GIVEN_BIAS];
    if (weight && is_turned(g, weight))
        return fault("%s: %s is [features,classes], expected [classes,features]: save its transpose", g->path,
                     weight->name);
    if (bias && !weight)
        return fault("%s: there is %s but no head/weight", g->path, bias->name);
    for (int i = 0; i < g->nsets; i++)
        if (check_set(g, &g->sets[i]) != 0 || agree(g, g->sets[i].at[GIVEN_FEATURES], 1, &g->width, &wide) != 0 ||
            agree(g, g->sets[i].at[GIVEN_LOGITS], 1, &g->classes, &classes) != 0)
            return -1;
    if (agree(g, weight, 1, &g->width, &wide) != 0 || agree(g, weight, 0, &g->classes, &classes) != 0 ||
        agree(g, bias, 0, &g->classes, &classes) != 0)
        return -1;
    return g->classes == 1 ? fault("%s: %s has one class, expected two or more", g->path, classes) : 0;
}

/* A set is one of near, far and csid; its name is what results know it by. */
static int check_names(const given *g)
{
    int others = 0;
    for (int i = 0; i < g->nsets; i++) {
        const given_set *s = &g->sets[i];
        if (s->role < GIVEN_NEAR || s->role > GIVEN_CSID)
            continue;
        others++;
        for (int j = i + 1; j < g->nsets; j++)
            if (g->sets[j].role <= GIVEN_CSID && strcmp(s->name, g->sets[j].name) == 0)
                return fault("%s: %s/%s and %s/%s: two sets of one name", g->path, given_role_name(s->role),
                             s->name, given_role_name(g->sets[j].role), s->name);
    }
    if (!given_find(g, GIVEN_TEST, ""))
        return fault("%s: there is no set `test`, the in-distribution test data: test/features or test/logits. "
                     "`oodbench score --help` shows the layout",
                     g->path);
    return others ? 0
                  : fault("%s: there is nothing to tell `test` from: expected near/NAME, far/NAME or ood/NAME with "
                          "features or logits. `oodbench score --help` shows the layout",
                          g->path);
}

static int check_cosine(const given *g)
{
    const given_array *weight = g->head.at[GIVEN_WEIGHT];
    if (g->cosine <= 0 && weight && is_text(weight->name))
        return fault(
            "%s: %s are compared with features by cosine: give --cosine 100 (logits as CLIP's), or --cosine "
            "1, with which msp is MCM at temperature 1",
            g->path, weight->name);
    if (g->cosine <= 0)
        return 0;
    if (!g->head.at[GIVEN_WEIGHT])
        return fault("--cosine: %s has no head/weight, whose rows the features are compared with", g->path);
    return g->head.at[GIVEN_BIAS] ? fault("--cosine: %s has %s, and similarities have no bias: leave one out",
                                          g->path, g->head.at[GIVEN_BIAS]->name)
                                  : 0;
}

/* --- the file --- */

static int choose_reader(given *g)
{
    unsigned char start[9] = {0};
    struct stat s;
    if (stat(g->path, &s) != 0)
        return fault("cannot read %s: %s", g->path, strerror(errno));
    if (S_ISDIR(s.st_mode)) {
        g->reader = &given_folder;
        return 0;
    }
    size_t n = strlen(g->path);
    int fd = open(g->path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, start, sizeof start);
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return fault("cannot read %s: %s", g->path, strerror(errno));
    int zip = memcmp(start, "PK\3\4", 4) == 0, npz = zip && n > 4 && strcmp(g->path + n - 4, ".npz") == 0;
    if (memcmp(start, "\x93NUMPY", 6) == 0)
        return fault("%s is a single array: expected a folder of them, train_features.npy and so on, or a .npz",
                     g->path);
    if (npz || memcmp(start, "\x89HDF\r\n\x1a\n", 8) == 0)
        g->reader = npz ? &given_npz : &given_hdf;
    else if (zip || start[0] == 0x80 || start[8] == '{')
        g->reader = &given_tensors;
    return g->reader
               ? 0
               : fault("%s is no file of features: expected HDF5, .npz, .safetensors, what torch.save() wrote, "
                       "or a folder of .npy",
                       g->path);
}

static int understand(given *g, int tell)
{
    text others = {0};
    int rc = 0;
    for (int i = 0; i < g->narrays && rc == 0; i++)
        rc = place(g, &g->arrays[i], &others);
    if (rc == 0 && tell && others.n)
        fprintf(stderr, "left aside of %s, no part of the layout: %.300s%s\n", g->name, others.bytes,
                others.n > 300 ? " ..." : "");
    text_free(&others);
    return rc != 0 || check_extents(g) != 0 || check_names(g) != 0 || check_cosine(g) != 0 ? -1 : 0;
}

int given_open(given **out, const char *path, double cosine, int tell)
{
    given *g = text_more(NULL, sizeof *g);
    const char *slash = strrchr(path, '/');
    *g = (given){.path = text_copy(path), .name = text_copy(slash ? slash + 1 : path), .cosine = cosine};
    *out = NULL;
    if (choose_reader(g) != 0 || g->reader->open(g) != 0 || understand(g, tell) != 0) {
        given_close(g);
        return -1;
    }
    *out = g;
    return 0;
}

void given_close(given *g)
{
    if (!g)
        return;
    if (g->open)
        g->reader->close(g);
    for (int i = 0; i < g->narrays; i++)
        free(g->arrays[i].name);
    for (int i = 0; i < g->nsets; i++)
        free(g->sets[i].name);
    free(g->arrays);
    free(g->sets);
    free(g->path);
    free(g->name);
    free(g);
}

const given_set *given_find(const given *g, enum given_role role, const char *name)
{
    for (int i = 0; i < g->nsets; i++)
        if (g->sets[i].role == role && strcmp(g->sets[i].name, name) == 0)
            return &g->sets[i];
    return role == GIVEN_HEAD ? &g->head : NULL;
}
