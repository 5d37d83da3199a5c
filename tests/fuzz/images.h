/* images.h - a published form of images, opened as `import` does and a few images of it made. */
#ifndef FUZZ_IMAGES_H
#define FUZZ_IMAGES_H

#include "../../datasets/format.h"
#include "fuzz.h"

enum { FUZZ_SIDE = 8, FUZZ_IMAGES = 4 };

static inline int fuzz_draw(const fill *f)
{
    uint8_t px[FUZZ_SIDE * FUZZ_SIDE * 3];
    int32_t label;
    void *own = NULL;
    int rc = f->open ? f->open(f->what, &own) : 0;
    for (int64_t i = 0; rc == 0 && i < f->n && i < FUZZ_IMAGES; i++)
        rc = f->make(f->what, own, i, px, &label);
    if (f->close)
        f->close(own);
    return rc;
}

static inline void fuzz_images(const format *form, const char *path)
{
    static const char *const splits[] = {"train", "val", "test"};
    format_splits(form, path);
    for (int i = 0; i < 3; i++) {
        wanted w = {.path = path, .split = splits[i], .side = FUZZ_SIDE, .classes = 10, .outside = i == 1};
        opened f;
        int rc = format_open(&f, form, &w, NULL);
        if (rc == 0)
            rc = fuzz_draw(&f.f);
        opened_close(&f);
        fuzz_answer(rc);
    }
}

#endif
