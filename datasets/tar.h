/* tar.h - the files inside a tar that lies in memory (ustar, pax and GNU's long
 * names), by their place: any thread reads any of them without a copy, which is
 * why no library that goes from front to back is used. A tar inside a tar is
 * opened as well, its files being below its name without `.tar`. */
#ifndef TAR_H
#define TAR_H

#include <stdint.h>

typedef struct tar_member {
    char *name; /* without a leading ./ */
    const uint8_t *at;
    int64_t size;
} tar_member;

typedef struct tar {
    tar_member *members; /* regular files, in the order of the tar; links are left out */
    int64_t n, cap;
} tar;

int tar_recognise(const uint8_t *head, int64_t n); /* do these bytes begin a tar? */

/* Adds the files of a tar, each below `prefix` ("" or "folder/"); `path` names it in
 * messages. Returns 0, or -1 with fault(): a wrong checksum, a member that is cut
 * short, an absolute name or one that climbs out by `..`. */
int tar_read(tar *t, const char *path, const uint8_t *at, int64_t n, const char *prefix);
void tar_free(tar *t);

#endif
