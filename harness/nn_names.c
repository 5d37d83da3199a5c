/* nn_names.c - which tensor of a checkpoint is which part of a network: by the
 * original's name, or as others spell it who built the same layers; what does
 * not fit, in one line; and, where nobody said it, which network it all is. */
#include "checkpoint.h"
#include "config.h"
#include "fault.h"
#include "network.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- spelling ---- */

static const char *const heads[] = {"fc", "linear", "classifier", "head", "head.fc"};

/* Of what is behind a part's first dot. */
static const struct spelling {
    const char *ours, *theirs;
} spellings[] = {
    {".shortcut.", ".downsample."}, {".downsample.", ".shortcut."}, /* OpenOOD at 32 and 64; torchvision, timm */
    {".norm1.", ".norm.1."},        {".conv1.", ".conv.1."},        /* torchvision's DenseNets before 0.3 */
    {".norm2.", ".norm.2."},        {".conv2.", ".conv.2."},
};

static const checkpoint_tensor *find_head(const checkpoint *c, const net_part *p)
{
    char name[192];
    const checkpoint_tensor *t = checkpoint_find(c, p->name);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0] && !t; i++) {
        snprintf(name, sizeof name, "%s%s", heads[i], strrchr(p->name, '.'));
        t = checkpoint_find(c, name);
    }
    return t;
}

static const checkpoint_tensor *find_layer(const checkpoint *c, const net_part *p)
{
    char name[192];
    const checkpoint_tensor *t = checkpoint_find(c, p->name);
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0] && !t; i++) {
        const char *at = strstr(p->name, spellings[i].ours);
        if (!at)
            continue;
        snprintf(name, sizeof name, "%.*s%s%s", (int)(at - p->name), p->name, spellings[i].theirs,
                 at + strlen(spellings[i].ours));
        t = checkpoint_find(c, name);
    }
    return t;
}

static const checkpoint_tensor *find(const checkpoint *c, const net_part *p)
{
    return p->layer < 0 ? find_head(c, p) : find_layer(c, p);
}

/* ---- what does not fit ---- */

void net_torch_dims(const net_part *p, checkpoint_tensor *t)
{
    *t = (checkpoint_tensor){.name = p->name, .ndims = p->d.n, .count = p->count, .dtype = "F32"};
    for (int i = 0; i < p->d.n; i++)
        t->dims[i] = p->d.d[i];
    if (p->kind == PART_FILTER) {
        t->dims[1] = p->d.d[3];
        t->dims[2] = p->d.d[1];
        t->dims[3] = p->d.d[2];
    }
}

enum { NAMED = 3 };

typedef struct misfit { /* things of one kind, the first few of them by name */
    text names;
    int count;
} misfit;

/* Where to write one more name; NULL: it is only counted. */
static text *next_name(misfit *m)
{
    if (++m->count > NAMED)
        return NULL;
    if (m->count > 1)
        text_add(&m->names, ", ");
    return &m->names;
}

static void add_extents(text *to, const checkpoint_tensor *t)
{
    text_char(to, '[');
    for (int i = 0; i < t->ndims; i++)
        text_add(to, i ? ",%lld" : "%lld", (long long)t->dims[i]);
    text_char(to, ']');
}

static void add_name(text *to, const checkpoint_tensor *t)
{
    text_add(to, "%.200s ", t->name);
    add_extents(to, t);
}

static bool same_extents(const checkpoint_tensor *a, const checkpoint_tensor *b)
{
    return a->ndims == b->ndims && memcmp(a->dims, b->dims, (size_t)a->ndims * sizeof a->dims[0]) == 0;
}

static void compare(const net_part *p, const checkpoint_tensor *found, misfit *shape, misfit *missing)
{
    checkpoint_tensor want;
    net_torch_dims(p, &want);
    if (found && same_extents(found, &want))
        return;
    text *to = next_name(found ? shape : missing);
    if (to && found) {
        text_add(to, "%.200s is ", found->name);
        add_extents(to, found);
        text_add(to, ", ");
        add_extents(to, &want);
        text_add(to, " was expected");
    } else if (to) {
        add_name(to, &want);
    }
}

/* Of no use to inference, nor to a fixed momentum. */
static bool is_counter(const char *name)
{
    static const char counter[] = "num_batches_tracked";
    size_t n = strlen(name), tail = sizeof counter - 1;
    return n >= tail && strcmp(name + n - tail, counter) == 0;
}

static int by_address(const void *a, const void *b)
{
    const checkpoint_tensor *const *x = a, *const *y = b;
    return (*x > *y) - (*x < *y);
}

static void look_over(const checkpoint *c, const checkpoint_tensor *const of[], int n, misfit *left)
{
    size_t size = sizeof *of;
    const checkpoint_tensor **sorted = text_more(NULL, (size_t)n * size);
    memcpy(sorted, of, (size_t)n * size);
    qsort(sorted, (size_t)n, size, by_address);
    for (int64_t i = 0; i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        if (is_counter(t->name) || bsearch(&t, sorted, (size_t)n, size, by_address))
            continue;
        text *to = next_name(left);
        if (to)
            add_name(to, t);
    }
    free(sorted);
}

/* Appends what the list says to *why, and empties it; returns how long it was. */
static int tell(text *why, const char *what, misfit *m)
{
    if (m->count)
        text_add(why, "%s%s%s", why->n ? "; " : "", what, text_str(&m->names));
    if (m->count > NAMED)
        text_add(why, " and %d more", m->count - NAMED);
    text_free(&m->names);
    return m->count;
}

int net_match(const net *n, const checkpoint *c, const checkpoint_tensor *of[], text *why)
{
    misfit shape = {.count = 0}, missing = {.count = 0}, left = {.count = 0};
    for (int i = 0; i < n->nparts; i++) {
        of[i] = find(c, &n->parts[i]);
        compare(&n->parts[i], of[i], &shape, &missing);
    }
    look_over(c, of, n->nparts, &left);
    int count = tell(why, "", &shape);
    count += tell(why, "missing: ", &missing);
    return count + tell(why, "left over: ", &left);
}

int net_misfit(const net *n, const char *path, const char *why)
{
    return fault("%s does not fit %s with %lld classes: %s", path, n->name, (long long)n->classes, why);
}

/* ---- which network ---- */

/* As many classes as the checkpoint's head has biases, whatever it is called. */
static int64_t count_classes(const checkpoint *c)
{
    const net_part bias = {.name = "fc.bias"};
    const checkpoint_tensor *t = find_head(c, &bias);
    return t && t->ndims == 1 && t->count > 0 ? t->count : 10;
}

typedef struct guess {
    const char *nearest; /* what fits but for the fewest tensors, */
    int misfits;         /* so many; */
    text fits;           /* and all that do fit */
    int nfits;
} guess;

static void try_one(guess *g, const checkpoint *c, const char *name, int64_t side)
{
    net *n;
    text why = {0};
    if (net_outline(&n, name, count_classes(c), 0) != 0)
        return;
    const checkpoint_tensor **of = text_more(NULL, (size_t)n->nparts * sizeof *of);
    int misfits = net_match(n, c, of, &why);
    bool sized = side == 0 || side == nn_side(n);
    if (!g->nearest || misfits < g->misfits || (misfits == g->misfits && sized && g->nfits == 0)) {
        g->nearest = name;
        g->misfits = misfits;
    }
    if (misfits == 0 && sized) {
        text_add(&g->fits, "%s%s", g->nfits ? " and " : "", name);
        g->nfits++;
        g->nearest = name;
    }
    free(of);
    text_free(&why);
    nn_free(n);
}

static int guess_name(const char **name, const checkpoint *c, const char *path, int64_t side)
{
    guess g = {0};
    for (int i = 0; nn_known(i); i++)
        try_one(&g, c, nn_known(i), side);
    int rc = 0;
    if (g.nfits > 1)
        rc = fault("%s fits %s, which have the same tensors: say which it is with --net NAME", path,
                   text_str(&g.fits));
    *name = g.nearest;
    text_free(&g.fits);
    return rc;
}

/* Fits it? If nobody said the name, the sentence says that it was only the nearest. */
static int check_fit(const net *n, const checkpoint *c, const char *path, bool guessed)
{
    text why = {0};
    const checkpoint_tensor **of = text_more(NULL, (size_t)n->nparts * sizeof *of);
    int rc = 0;
    if (net_match(n, c, of, &why) != 0)
        rc = guessed ? fault("%s is none of the known networks; the nearest is %s with %lld classes, which does "
                             "not fit: %s",
                             path, n->name, (long long)n->classes, text_str(&why))
                     : net_misfit(n, path, text_str(&why));
    free(of);
    text_free(&why);
    return rc;
}

int net_recognise(net **n, const checkpoint *c, const char *path, const char *name, int64_t side)
{
    bool guessed = !name;
    *n = NULL;
    if (guessed && guess_name(&name, c, path, side) != 0)
        return -1;
    if (net_outline(n, name, count_classes(c), 0) != 0)
        return -1;
    if (check_fit(*n, c, path, guessed) == 0)
        return 0;
    nn_free(*n);
    *n = NULL;
    return -1;
}
