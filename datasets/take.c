/* take.c - folders by their names; an ImageNet of a million files is never listed for ten
 * of its classes. */
#include "take.h"
#include "../harness/config.h"
#include "../harness/fault.h"
#include "../harness/text.h"

#include <stdlib.h>
#include <string.h>

void take_begin(take *t, enum take_which which, const char *const *names, int64_t n)
{
    *t = (take){.which = which, .names = names, .n = which == TAKE_ALL ? 0 : n};
    t->met = text_more(NULL, (size_t)t->n + 1);
    memset(t->met, 0, (size_t)t->n + 1);
}

void take_end(take *t)
{
    free(t->met);
    *t = (take){0};
}

static int64_t class_of(const take *t, const char *folder, size_t n)
{
    for (int64_t i = 0; i < t->n; i++)
        if (strncmp(t->names[i], folder, n) == 0 && t->names[i][n] == '\0')
            return i;
    return -1;
}

int take_wants(take *t, const char *folder, size_t n)
{
    int64_t class = class_of(t, folder, n);
    if (class >= 0)
        t->met[class] = 1;
    return t->which == TAKE_ALL || (class >= 0) == (t->which == TAKE_CLASSES);
}

/* A tar beside the folders is a class as well: its own name says which. */
static size_t stem(const FTSENT *e)
{
    static const char *const tails[] = {".tar", ".tar.gz", ".tgz"};
    size_t n = e->fts_namelen;
    for (size_t i = 0; e->fts_info == FTS_F && i < sizeof tails / sizeof *tails; i++) {
        size_t k = strlen(tails[i]);
        if (n > k && strcmp(e->fts_name + n - k, tails[i]) == 0)
            return n - k;
    }
    return n;
}

/* Folders inside a class are its own, whatever they are called. */
static int inside(const FTSENT *at)
{
    for (; at && at->fts_level >= FTS_ROOTLEVEL; at = at->fts_parent)
        if (at->fts_number)
            return 1;
    return 0;
}

void take_prune(take *t, FTS *walk, const FTSENT *at)
{
    if (t->which == TAKE_ALL || inside(at))
        return;
    FTSENT *first = fts_children(walk, 0);
    int classes = 0;
    for (const FTSENT *e = first; e && !classes; e = e->fts_link)
        classes = class_of(t, e->fts_name, stem(e)) >= 0;
    for (FTSENT *e = first; e && classes; e = e->fts_link) {
        e->fts_number = 1;
        if (!take_wants(t, e->fts_name, stem(e)))
            fts_set(walk, e, FTS_SKIP);
    }
}

int take_check(const take *t, const char *path)
{
    int64_t missing = 0, first = -1;
    for (int64_t i = 0; i < t->n; i++)
        if (!t->met[i] && missing++ == 0)
            first = i;
    if (!missing)
        return 0;
    const char *why = t->which == TAKE_CLASSES ? "to take them" : "to tell the others from them";
    if (missing == 1)
        return fault("%s has no folder for the class %s of the benchmark: expected all of `classes`, %s", path,
                     t->names[first], why);
    return fault("%s has no folder for %lld of the %lld classes of the benchmark, %s the first: expected all of "
                 "`classes`, %s",
                 path, (long long)missing, (long long)t->n, t->names[first], why);
}
