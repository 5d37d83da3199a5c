/* listed.h - small pictures with the list that names them, below the folder of
 * folder.h. Included by one file of a program. */
#ifndef LISTED_H
#define LISTED_H

#include "folder.h"
#include "pictures.h"

/* n PNG images of w x h pixels in images/NAME/BELOW ("" or "a folder/"), labels
 * i mod 10, and lists/NAME.txt. */
static inline void put_listed(const char *name, const char *below, int64_t w, int64_t h, int n)
{
    char path[64], line[80];
    bytes l = {0};
    for (int i = 0; i < n; i++) {
        const png_case c = {.w = w, .h = h, .type = 2, .depth = 8};
        bytes b = png_make(&c, (uint64_t)i);
        snprintf(path, sizeof path, "images/%s/%s%d.png", name, below, i);
        put(path, b.at, b.n);
        snprintf(line, sizeof line, "%s/%s%d.png %d\n", name, below, i, i % 10);
        bytes_add(&l, line, strlen(line));
        free(b.at);
    }
    snprintf(path, sizeof path, "lists/%s.txt", name);
    put(path, l.at, l.n);
    free(l.at);
}

#endif
