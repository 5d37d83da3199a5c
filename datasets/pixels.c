/* pixels.c - which extent of an array is what is told by its three or one channels. */
#include "pixels.h"
#include "../harness/fault.h"
#include "../harness/text.h"
#include "resize.h"

#include <stdlib.h>
#include <string.h>

#define MOST_SIDE 16384 /* as harness/data.c */

/* --- which extent is what --- */

static int64_t root(int64_t square)
{
    int64_t s = 0;
    while (s * s < square && s < MOST_SIDE)
        s++;
    return s * s == square ? s : 0;
}

/* The meanings of an array's extents, by the first of the table whose channels fit. */
static const char *roles_of(const int64_t *e, int dims, enum pixels_order order)
{
    static const struct {
        enum pixels_order order;
        const char *roles;
    } known[] = {{PIXELS_FORTRAN, "hwcn"}, {PIXELS_C, "nhwc"},      {PIXELS_C, "nchw"}, {PIXELS_FORTRAN, "nhwc"},
                 {PIXELS_FORTRAN, "nchw"}, {PIXELS_FORTRAN, "hwn"}, {PIXELS_C, "nhw"},  {PIXELS_FORTRAN, "nhw"}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const char *r = known[k].roles, *c = strchr(r, 'c'), *h = strchr(r, 'h');
        if (known[k].order != order || (int)strlen(r) != dims)
            continue;
        if (c && e[c - r] != 3 && e[c - r] != 1)
            continue;
        if (c || order == PIXELS_C || e[h - r] == e[h - r + 1])
            return r;
    }
    return NULL;
}

static int no_images(const char *what, const int64_t *e, int dims)
{
    text t = {0};
    for (int i = 0; i < dims; i++)
        text_add(&t, "%s%lld", i ? " x " : "", (long long)e[i]);
    int rc = fault("%s is %s, expected images: n x height x width, with 3 channels or 1 before or behind, or rows "
                   "of 3 x side x side",
                   what, text_str(&t));
    text_free(&t);
    return rc;
}

/* Rows: a channel behind the other, as CIFAR has them. */
static int rows_of(piece *p, const int64_t *e, enum pixels_order order)
{
    int64_t channels = e[1] % 3 == 0 && root(e[1] / 3) ? 3 : 1, side = root(e[1] / channels);
    int64_t step = order == PIXELS_C ? 1 : e[0];
    if (!side)
        return -1;
    p->n = e[0];
    p->h = p->w = side;
    p->step_n = order == PIXELS_C ? e[1] : 1;
    p->step_x = step;
    p->step_y = step * side;
    p->step_c = channels == 3 ? step * side * side : 0;
    return 0;
}

static void assign(piece *p, char role, int64_t extent, int64_t step)
{
    switch (role) {
    case 'n':
        p->n = extent;
        p->step_n = step;
        break;
    case 'h':
        p->h = extent;
        p->step_y = step;
        break;
    case 'w':
        p->w = extent;
        p->step_x = step;
        break;
    default:
        p->step_c = extent == 3 ? step : 0;
    }
}

int pixels_shape(piece *p, const uint8_t *at, const int64_t *e, int dims, enum pixels_order order, const char *what)
{
    *p = (piece){.at = at};
    if (dims == 2 && rows_of(p, e, order) == 0)
        return 0;
    const char *roles = dims == 3 || dims == 4 ? roles_of(e, dims, order) : NULL;
    if (!roles)
        return no_images(what, e, dims);
    int64_t step = 1;
    for (int i = 0; i < dims; i++) {
        int k = order == PIXELS_C ? dims - 1 - i : i;
        assign(p, roles[k], e[k], step);
        if (__builtin_mul_overflow(step, e[k], &step))
            return no_images(what, e, dims);
    }
    return p->h > 0 && p->w > 0 && p->h <= MOST_SIDE && p->w <= MOST_SIDE ? 0 : no_images(what, e, dims);
}

/* --- one image --- */

typedef struct desk { /* of one thread */
    uint8_t *px;
    size_t cap;
    resizer r;
} desk;

static int desk_open(const void *what, void **own)
{
    (void)what;
    *own = memset(text_more(NULL, sizeof(desk)), 0, sizeof(desk));
    return 0;
}

static void desk_close(void *own)
{
    desk *d = own;
    free(d->px);
    resize_free(&d->r);
    free(d);
}

static void gather(uint8_t *out, const piece *p, const uint8_t *at)
{
    if (p->step_c == 1 && p->step_x == 3 && p->step_y == 3 * p->w) {
        memcpy(out, at, (size_t)(p->h * p->w * 3));
        return;
    }
    for (int64_t y = 0; y < p->h; y++)
        for (int64_t x = 0; x < p->w; x++, out += 3) {
            const uint8_t *from = at + y * p->step_y + x * p->step_x;
            out[0] = from[0];
            out[1] = from[p->step_c];
            out[2] = from[2 * p->step_c];
        }
}

static int gather_and_resize(const pixels *s, desk *d, uint8_t *px, const piece *p, const uint8_t *at)
{
    size_t bytes = (size_t)(p->h * p->w * 3);
    if (bytes > d->cap) {
        d->px = text_more(d->px, bytes);
        d->cap = bytes;
    }
    gather(d->px, p, at);
    return resize_centre(&d->r, px, s->side, d->px, p->w, p->h, s->resize);
}

static int make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const pixels *s = what;
    const piece *p = s->pieces;
    int64_t k = i;
    for (; k >= p->n; p++)
        k -= p->n;
    const uint8_t *at = p->at + k * p->step_n;
    *label = s->labels ? s->labels[i] : -1;
    if (p->h != s->side || p->w != s->side || s->resize != s->side)
        return gather_and_resize(s, own, px, p, at);
    gather(px, p, at);
    return 0;
}

/* --- all of them --- */

void pixels_add(pixels *p, const piece *more)
{
    p->pieces = text_more(p->pieces, (size_t)(p->n_pieces + 1) * sizeof *p->pieces);
    p->pieces[p->n_pieces++] = *more;
    p->n += more->n;
}

int pixels_fill(fill *f, pixels *p, const char *what)
{
    if (p->n < 1 || p->n > INT32_MAX)
        return fault("%s holds %lld images, expected 1 to %d", what, (long long)p->n, INT32_MAX);
    const piece *first = p->pieces;
    for (int i = 0; p->side == 0 && i < p->n_pieces; i++)
        if (p->pieces[i].h != first->h || p->pieces[i].w != first->w)
            return fault("%s holds images of several sizes: say to which they are brought, as in --side 32", what);
    if (p->side == 0 && first->h != first->w)
        return fault("%s holds images of %lld x %lld pixels, which are not square: say to what size they are "
                     "brought and cut, as in --side 32",
                     what, (long long)first->w, (long long)first->h);
    if (p->side == 0)
        p->side = p->resize = first->h;
    *f = (fill){.what = p, .n = p->n, .side = p->side, .open = desk_open, .make = make, .close = desk_close};
    return 0;
}

void pixels_free(pixels *p)
{
    free(p->pieces);
    free(p->labels);
    *p = (pixels){0};
}
