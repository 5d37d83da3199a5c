/* shapes.c - the embedded data sets. An image of a shape is a ground with a
 * texture, something lying about on it, and one shape with its own place, size,
 * turn, stretch, colour and texture; then noise. What is in-distribution, near
 * or for tuning differs in the outline only. */
#include "shapes.h"
#include "../harness/text.h"
#include "outlines.h"
#include "paint.h"

#include <math.h>
#include <string.h>

/* --- one shape --- */

typedef struct figure {
    enum outline_group group;
    int outline;
    double x, y;    /* its centre */
    double reach;   /* how far from there a pixel can be touched */
    double m[2][2]; /* from pixels to the outline's own plane: turned, shrunk, stretched */
    colour one, two;
    field texture; /* between the two */
} figure;

static int figure_covers(const void *what, double x, double y)
{
    const figure *f = what;
    x -= f->x;
    y -= f->y;
    return outline_covers(f->group, f->outline, f->m[0][0] * x + f->m[0][1] * y, f->m[1][0] * x + f->m[1][1] * y);
}

static int figure_near(const void *what, double x, double y)
{
    const figure *f = what;
    x -= f->x;
    y -= f->y;
    return x * x + y * y < f->reach * f->reach;
}

static colour figure_shade(const void *what, double x, double y)
{
    const figure *f = what;
    return colour_mix(f->one, f->two, field_at(&f->texture, x, y));
}

static void figure_place(figure *f, dice *d)
{
    double size = dice_real(d, 8, 13), room = CANVAS / 2.0 - 0.9 * size;
    double stretch = dice_real(d, 0.85, 1.18);
    double s = dice_real(d, -0.5, 0.5), c = sqrt(1 - s * s); /* turned by up to 30 degrees */
    f->x = CANVAS / 2.0 + dice_real(d, -room, room);
    f->y = CANVAS / 2.0 + dice_real(d, -room, room);
    f->m[0][0] = c / size;
    f->m[0][1] = s / size;
    f->m[1][0] = -s * stretch / size;
    f->m[1][1] = c * stretch / size;
    f->reach = size * (stretch < 1 ? 1 / stretch : 1) + 0.75;
}

/* A texture without edges. */
static field calm_field(dice *d, double least_period, double most_period)
{
    enum field_kind kind = (enum field_kind)dice_below(d, FIELD_CHECKS);
    double period = dice_real(d, least_period, most_period);
    return field_make(d, kind, period);
}

/* Two colours that both stand out from the ground. */
static void figure_colour(figure *f, dice *d, colour ground)
{
    double apart = dice_real(d, 0.5, 1);
    int tries = 0;
    do
        f->one = colour_random(d, 0.15, 1);
    while (colour_distance(f->one, ground) < apart && ++tries < 50);
    colour other = colour_random(d, 0.15, 1);
    f->two = colour_mix(f->one, other, dice_real(d, 0, 0.35));
    f->texture = calm_field(d, 6, 20);
}

/* --- strokes: what lies about, and the scribbles --- */

#define MOST_POINTS 24

typedef struct stroke {
    double x[MOST_POINTS], y[MOST_POINTS];
    int n;
    double width;
    colour ink;
} stroke;

/* Is (x, y) nearer than `width` to the piece from point i to the next? */
static int piece_within(const stroke *s, int i, double width, double x, double y)
{
    double dx = s->x[i + 1] - s->x[i], dy = s->y[i + 1] - s->y[i], length = dx * dx + dy * dy;
    x -= s->x[i];
    y -= s->y[i];
    double along = x * dx + y * dy, aside = x * dy - y * dx;
    if (along <= 0)
        return x * x + y * y < width * width;
    if (along >= length)
        return (x - dx) * (x - dx) + (y - dy) * (y - dy) < width * width;
    return aside * aside < width * width * length;
}

static int stroke_within(const stroke *s, double width, double x, double y)
{
    for (int i = 0; i + 1 < s->n; i++)
        if (piece_within(s, i, width, x, y))
            return 1;
    return 0;
}

static int stroke_covers(const void *what, double x, double y)
{
    const stroke *s = what;
    return stroke_within(s, s->width, x, y);
}

static int stroke_near(const void *what, double x, double y)
{
    const stroke *s = what;
    return stroke_within(s, s->width + 0.75, x, y);
}

static colour stroke_shade(const void *what, double x, double y)
{
    (void)x;
    (void)y;
    return ((const stroke *)what)->ink;
}

static void stroke_paint(canvas *c, const stroke *s, double opacity)
{
    canvas_paint(c, &(layer){stroke_near, stroke_covers, stroke_shade, s, opacity});
}

/* A short straight line or a dot. */
static void stroke_crumb(stroke *s, dice *d)
{
    double ux, uy, length = 0;
    if (dice_chance(d, 0.5))
        length = dice_real(d, 4, 20);
    dice_direction(d, &ux, &uy);
    s->n = 2;
    s->x[0] = dice_real(d, 0, CANVAS);
    s->y[0] = dice_real(d, 0, CANVAS);
    s->x[1] = s->x[0] + ux * length;
    s->y[1] = s->y[0] + uy * length;
    s->width = length > 0 ? dice_real(d, 0.4, 0.8) : dice_real(d, 0.8, 1.8);
    s->ink = colour_random(d, 0.1, 1);
}

/* A pen that wanders, turning a little at every step and back from the edge. */
static void stroke_scribble(stroke *s, dice *d)
{
    double ux, uy, bend = dice_real(d, -0.5, 0.5);
    double step = dice_real(d, 2.5, 4);
    dice_direction(d, &ux, &uy);
    s->n = 10 + dice_below(d, MOST_POINTS - 9);
    s->width = dice_real(d, 0.5, 1.3);
    s->x[0] = dice_real(d, 5, CANVAS - 5);
    s->y[0] = dice_real(d, 5, CANVAS - 5);
    for (int i = 1; i < s->n; i++) {
        double turn = bend + dice_real(d, -0.6, 0.6), vx = ux - turn * uy, vy = uy + turn * ux;
        double r = sqrt(vx * vx + vy * vy);
        ux = vx / r;
        uy = vy / r;
        s->x[i] = s->x[i - 1] + step * ux;
        s->y[i] = s->y[i - 1] + step * uy;
        ux = s->x[i] < 2 ? 1 : s->x[i] > CANVAS - 2 ? -1 : ux;
        uy = s->y[i] < 2 ? 1 : s->y[i] > CANVAS - 2 ? -1 : uy;
    }
}

/* --- whole images --- */

typedef struct weave { /* the plane between two colours, or among three */
    colour a, b, c;
    field f, g;
} weave;

static colour weave_shade(const void *what, double x, double y)
{
    const weave *w = what;
    return colour_mix(colour_mix(w->a, w->b, field_at(&w->f, x, y)), w->c, field_at(&w->g, x, y));
}

/* A calm ground; returns its middle colour. */
static colour paint_ground(canvas *c, dice *d)
{
    weave w = {.a = colour_random(d, 0.25, 0.75)};
    w.b = colour_random(d, 0.1, 0.8);
    w.b = colour_mix(w.a, w.b, dice_real(d, 0, 0.35));
    w.c = w.a;
    w.f = calm_field(d, 5, 24);
    w.g = field_make(d, FIELD_RAMP, 64);
    canvas_fill(c, weave_shade, &w);
    return colour_mix(w.a, w.b, 0.5);
}

static double noise_level(dice *d)
{
    return dice_real(d, 0.005, 0.05);
}

static void draw_figure(dice *d, enum outline_group group, int outline, uint8_t *px)
{
    canvas c;
    figure f = {.group = group, .outline = outline};
    stroke s;
    colour ground = paint_ground(&c, d);
    for (int i = dice_below(d, 3); i > 0; i--) {
        stroke_crumb(&s, d);
        stroke_paint(&c, &s, 0.8);
    }
    figure_place(&f, d);
    figure_colour(&f, d, ground);
    canvas_paint(&c, &(layer){figure_near, figure_covers, figure_shade, &f, dice_real(d, 0.75, 1)});
    if (dice_chance(d, 0.2)) { /* and something lies on it */
        stroke_crumb(&s, d);
        stroke_paint(&c, &s, 0.9);
    }
    canvas_bytes(&c, px, d, noise_level(d));
}

static void draw_known(dice *d, int64_t i, uint8_t *px)
{
    draw_figure(d, OUTLINE_KNOWN, (int)(i % SHAPES_CLASSES), px);
}

static void draw_unseen(dice *d, int64_t i, uint8_t *px)
{
    draw_figure(d, OUTLINE_UNSEEN, (int)(i % outline_count(OUTLINE_UNSEEN)), px);
}

static void draw_tuning(dice *d, int64_t i, uint8_t *px)
{
    draw_figure(d, OUTLINE_TUNING, (int)(i % outline_count(OUTLINE_TUNING)), px);
}

/* Drifting colours without any edge. */
static void draw_plasma(dice *d, int64_t i, uint8_t *px)
{
    (void)i;
    canvas c;
    weave w;
    w.a = colour_random(d, 0.4, 1);
    w.b = colour_random(d, 0.1, 1);
    w.c = colour_random(d, 0.1, 1);
    w.f = field_make(d, FIELD_CLOUDS, dice_real(d, 5, 16));
    w.g = field_make(d, FIELD_CLOUDS, dice_real(d, 5, 16));
    canvas_fill(&c, weave_shade, &w);
    canvas_bytes(&c, px, d, noise_level(d));
}

/* Regular patterns that fill the image. */
static void draw_grating(dice *d, int64_t i, uint8_t *px)
{
    static const enum field_kind kinds[] = {FIELD_WAVES, FIELD_CHECKS, FIELD_RIPPLES};
    canvas c;
    weave w;
    w.a = colour_random(d, 0.6, 0.8);
    w.c = colour_random(d, 0.1, 1);
    do
        w.b = colour_random(d, 0, 1);
    while (colour_distance(w.a, w.b) < 0.7);
    w.f = field_make(d, kinds[i % 3], dice_real(d, 3, 10));
    w.g = field_make(d, FIELD_RAMP, dice_real(d, 40, 80));
    w.c = colour_mix(w.a, w.c, 0.3);
    canvas_fill(&c, weave_shade, &w);
    canvas_bytes(&c, px, d, noise_level(d));
}

static void draw_scribble(dice *d, int64_t i, uint8_t *px)
{
    (void)i;
    canvas c;
    stroke s;
    colour ground = paint_ground(&c, d);
    for (int n = 1 + dice_below(d, 4); n > 0; n--) {
        stroke_scribble(&s, d);
        do
            s.ink = colour_random(d, 0.05, 1);
        while (colour_distance(s.ink, ground) < 0.3);
        stroke_paint(&c, &s, 0.9);
    }
    canvas_bytes(&c, px, d, noise_level(d));
}

/* --- the sets --- */

static const struct {
    const char *name;
    void (*draw)(dice *d, int64_t i, uint8_t *px);
    int labelled;
} kinds[] = {{"shapes", draw_known, 1},  {"newshapes", draw_unseen, 0}, {"othershapes", draw_tuning, 0},
             {"plasma", draw_plasma, 0}, {"gratings", draw_grating, 0}, {"scribbles", draw_scribble, 0}};
enum { KINDS = sizeof kinds / sizeof *kinds };

int shapes_kind(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

const char *shapes_kind_name(int kind)
{
    return kind < KINDS ? kinds[kind].name : NULL;
}

const char *shapes_class(int label)
{
    return outline_name(OUTLINE_KNOWN, label);
}

void shapes_draw(const shapes *s, int64_t i, uint8_t *px, int32_t *label)
{
    dice seed = {.stream = s->seed}, kind = dice_branch(&seed, (uint64_t)s->kind);
    dice split = dice_branch(&kind, s->split), image = dice_branch(&split, (uint64_t)i);
    kinds[s->kind].draw(&image, i, px);
    *label = kinds[s->kind].labelled ? (int32_t)(i % SHAPES_CLASSES) : -1;
}

static int make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    (void)own;
    shapes_draw(what, i, px, label);
    return 0;
}

fill shapes_fill(const shapes *s)
{
    return (fill){.what = s, .n = s->n, .side = SHAPES_SIDE, .make = make};
}

char *shapes_source(const shapes *s)
{
    return text_format("drawn %s\nseed %llu\nsplit %llu\ncount %lld\nversion %d\n", kinds[s->kind].name,
                       (unsigned long long)s->seed, (unsigned long long)s->split, (long long)s->n, SHAPES_VERSION);
}
