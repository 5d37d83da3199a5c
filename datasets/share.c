/* share.c - numbers of images in a part to numbers in the whole. */
#include "share.h"

static int open_share(const void *what, void **own)
{
    const share *s = what;
    return s->of->open ? s->of->open(s->of->what, own) : 0;
}

static int64_t in_whole(const share *s, int64_t i)
{
    const int64_t rest = SHARE_EVERY - 1;
    return s->held ? i * SHARE_EVERY + rest : i / rest * SHARE_EVERY + i % rest;
}

static int make_share(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const share *s = what;
    return s->of->make(s->of->what, own, in_whole(s, i), px, label);
}

static int size_share(const void *what, void *own, int64_t i, uint64_t *bytes)
{
    const share *s = what;
    return s->of->size(s->of->what, own, in_whole(s, i), bytes);
}

static int file_share(const void *what, void *own, int64_t i, uint8_t *out, uint64_t size, int32_t *label)
{
    const share *s = what;
    return s->of->file(s->of->what, own, in_whole(s, i), out, size, label);
}

fill share_fill(const share *s)
{
    int64_t held = s->of->n / SHARE_EVERY;
    return (fill){.what = s,
                  .n = s->held ? held : s->of->n - held,
                  .side = s->of->side,
                  .open = open_share,
                  .make = make_share,
                  .close = s->of->close,
                  .files = s->of->files,
                  .resize = s->of->resize,
                  .size = size_share,
                  .file = file_share};
}
