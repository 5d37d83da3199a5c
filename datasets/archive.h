/* archive.h - the bytes of images by their path: from a folder tree, or from
 * zip files that were never unpacked. The image `cifar10/train/a.png` is
 * <root>/cifar10/train/a.png if the folder <root>/cifar10 exists, else the
 * member `cifar10/train/a.png` or `train/a.png` of <root>/cifar10.zip. */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "list.h"

#include <stddef.h>

typedef struct archive archive;

/* One per thread. Returns 0, or -1 with fault(). */
int archive_open(archive **a, const char *root);
void archive_close(archive *a);

/* The bytes stay valid until the next call. Returns 0, or -1 with fault(). */
int archive_read(archive *a, const char *path, const void **bytes, size_t *size);

/* How many those are, without reading them. */
int archive_size(archive *a, const char *path, uint64_t *size);

/* What tells whether the images of a list changed, as 64 hex digits: size and time of
 * every zip they are in, or of every file when they lie in folders. -1 with fault()
 * when there is neither folder nor zip, or an image is missing from its folder. */
int archive_digest(const list *l, const char *root, char digest[65]);

#endif
