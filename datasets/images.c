/* images.c - from a line of a list to pixels, or to the file that it names. */
#include "images.h"
#include "../harness/fault.h"
#include "../harness/text.h"
#include "archive.h"
#include "decode.h"
#include "resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct desk { /* what one thread works with */
    archive *a;
    image im;
    resizer r;
} desk;

static void desk_close(void *own)
{
    desk *d = own;
    archive_close(d->a);
    image_free(&d->im);
    resize_free(&d->r);
    free(d);
}

static int desk_open(const void *what, void **own)
{
    const images *w = what;
    desk *d = text_more(NULL, sizeof *d);
    *d = (desk){0};
    *own = d;
    return archive_open(&d->a, w->root);
}

static int read_bytes(const images *w, desk *d, int64_t i, const void **bytes, size_t *size)
{
    const tar_member *m = w->members ? &w->members->members[i] : NULL;
    if (!m || !m->at)
        return archive_read(d->a, w->l->lines[i].path, bytes, size);
    *bytes = m->at;
    *size = (size_t)m->size;
    return 0;
}

/* Lists have lines, folders and tars have not. */
static int refuse(const list *l, int64_t i, const char *path)
{
    char line[32] = "";
    if (l->lines[i].number)
        snprintf(line, sizeof line, ":%d", (int)l->lines[i].number);
    return fault("%s%s: %s%s%s", l->file, line, path, *path ? ": " : "", fault_text());
}

/* The bytes of image i, which come out of its file as an image. */
static int read_image(const images *w, desk *d, int64_t i, const void **bytes, size_t *size)
{
    if (read_bytes(w, d, i, bytes, size) != 0)
        return refuse(w->l, i, "");
    return image_decode(&d->im, *bytes, *size) != 0 ? refuse(w->l, i, w->l->lines[i].path) : 0;
}

static int desk_make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const images *w = what;
    desk *d = own;
    const void *bytes;
    size_t size;
    *label = w->l->lines[i].label;
    if (read_image(w, d, i, &bytes, &size) != 0)
        return -1;
    return resize_centre(&d->r, px, w->side, d->im.px, d->im.w, d->im.h, w->resize) != 0
               ? refuse(w->l, i, w->l->lines[i].path)
               : 0;
}

static int desk_size(const void *what, void *own, int64_t i, uint64_t *bytes)
{
    const images *w = what;
    desk *d = own;
    const tar_member *m = w->members ? &w->members->members[i] : NULL;
    if (m && m->at)
        *bytes = (uint64_t)m->size;
    else if (archive_size(d->a, w->l->lines[i].path, bytes) != 0)
        return refuse(w->l, i, "");
    if (*bytes)
        return 0;
    fault("the file is empty");
    return refuse(w->l, i, w->l->lines[i].path);
}

static int desk_file(const void *what, void *own, int64_t i, uint8_t *out, uint64_t size, int32_t *label)
{
    const images *w = what;
    const void *bytes;
    size_t found;
    *label = w->l->lines[i].label;
    if (read_image(w, own, i, &bytes, &found) != 0)
        return -1;
    if (found == size) {
        memcpy(out, bytes, found);
        return 0;
    }
    fault("it had %llu bytes and has %zu now: it is being changed", (unsigned long long)size, found);
    return refuse(w->l, i, w->l->lines[i].path);
}

fill images_fill(const images *what)
{
    return (fill){.what = what,
                  .n = what->l->n,
                  .side = what->side,
                  .open = desk_open,
                  .make = desk_make,
                  .close = desk_close,
                  .files = what->files,
                  .resize = what->resize,
                  .size = desk_size,
                  .file = desk_file};
}

char *images_source(const images *w)
{
    char digest[65];
    if (archive_digest(w->l, w->root, digest) != 0)
        return NULL;
    return text_format("list %s\nlabels %s\nimages %s\nresize %lld\nside %lld\ndecoder %d\n%s", w->l->digest,
                       w->l->outside ? "outside" : "kept", digest, (long long)w->resize, (long long)w->side,
                       DECODE_VERSION, w->files ? "store files\n" : "");
}
