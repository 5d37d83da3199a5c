/* share.c - numbers of images in a part to numbers in the whole. */
#include "share.h"

static int open_share(const void *what, void **own)
{
    const share *s = what;
    return s->of->open ? s->of->open(s->of->what, own) : 0;
}

static int make_share(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const share *s = what;
    const int64_t rest = SHARE_EVERY - 1;
    int64_t k = s->held ? i * SHARE_EVERY + rest : i / rest * SHARE_EVERY + i % rest;
    return s->of->make(s->of->what, own, k, px, label);
}

fill share_fill(const share *s)
{
    int64_t held = s->of->n / SHARE_EVERY;
    return (fill){.what = s,
                  .n = s->held ? held : s->of->n - held,
                  .side = s->of->side,
                  .open = open_share,
                  .make = make_share,
                  .close = s->of->close};
}
