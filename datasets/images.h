/* images.h - the images of a list as a fill: read, decoded, resized, cropped; or as files. */
#ifndef IMAGES_H
#define IMAGES_H

#include "fill.h"
#include "list.h"
#include "tar.h"

typedef struct images {
    const list *l;
    const char *root;     /* archive.h */
    const tar *members;   /* line i's bytes, where it has them; NULL: all are below root */
    int64_t resize, side; /* the shorter side before the crop (0: left alone); the crop */
    int files;            /* kept as they are, and resized and cropped when they are shown */
} images;

/* A broken image is named with its line in the list. `what` must outlive the fill. */
fill images_fill(const images *what);

/* What the pixels depend on, one `key value` a line; the caller frees it. NULL with
 * fault() when the images are not there. */
char *images_source(const images *what);

#endif
