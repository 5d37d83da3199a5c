/* take.h - of a tree with a folder for each class, those that a benchmark's `classes` name,
 * or all the others. Every class must be there either way: one that is misspelt would be
 * missing among the classes, or be taken for an outlier. */
#ifndef TAKE_H
#define TAKE_H

#include <fts.h>
#include <stddef.h>
#include <stdint.h>

enum take_which { TAKE_ALL, TAKE_CLASSES, TAKE_OTHERS };

typedef struct take {
    enum take_which which;
    const char *const *names; /* the classes' */
    int64_t n;
    unsigned char *met; /* [n]; of the classes whose folders were seen */
} take;

void take_begin(take *t, enum take_which which, const char *const *names, int64_t n);
void take_end(take *t);

/* Notes the folder if it is a class; 1 when its pictures are taken. */
int take_wants(take *t, const char *folder, size_t n);

/* Called for each folder `at` that a walk comes to: where classes lie side by side in it, those
 * folders that are not taken are passed over, and no file of theirs is looked at. */
void take_prune(take *t, FTS *walk, const FTSENT *at);

/* Was every class met? 0, or -1 with fault(); `path` is the tree. */
int take_check(const take *t, const char *path);

#endif
