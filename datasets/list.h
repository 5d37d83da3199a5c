/* list.h - an OpenOOD image list: `PATH LABEL` a line, the path relative to the
 * folder of images. Paths may hold spaces: the label is behind the last one. */
#ifndef LIST_H
#define LIST_H

#include <stdint.h>

typedef struct list_line {
    const char *path;
    int32_t label;
    int32_t number; /* of the line, from 1: for messages */
} list_line;

typedef struct list {
    char *file; /* its path */
    char *text;
    list_line *lines;
    int64_t n;
    int outside;     /* labels were read as -1 */
    char digest[65]; /* SHA-256 of the file */
} list;

enum list_labels {
    LIST_CLASSES, /* 0 .. classes-1: the set is in-distribution */
    LIST_OUTSIDE, /* any integer, read as -1: the benchmarks label outliers in several ways */
    LIST_FREE,    /* -1 .. classes-1 */
};

/* Returns 0, or -1 with fault() naming file and line: a line without a label,
 * one out of range, a path that is absolute or climbs out by `..`, no line at all. */
int list_read(list *l, const char *file, enum list_labels labels, int64_t classes);
void list_free(list *l);

#endif
