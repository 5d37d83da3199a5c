/* paint.h - what the drawn images are made of: random numbers, colours, fields
 * of grey that vary over the plane, and a canvas. Only integers and the exact
 * + - * / of double are used: every machine paints the same bytes. */
#ifndef PAINT_H
#define PAINT_H

#include <stdint.h>

#define CANVAS 32 /* pixels along a side */

/* A stream of random numbers, taken in order: never two of them in one expression,
 * for C leaves open which argument is evaluated first. */
typedef struct dice {
    uint64_t stream, taken;
} dice;

dice dice_branch(const dice *d, uint64_t number);   /* a stream of its own */
double dice_real(dice *d, double lo, double hi);    /* uniform in [lo, hi) */
int dice_below(dice *d, int n);                     /* uniform in 0 .. n-1 */
int dice_chance(dice *d, double p);                 /* 1 with probability p */
void dice_direction(dice *d, double *x, double *y); /* uniform on the unit circle */

typedef struct colour {
    double r, g, b; /* 0..1 */
} colour;

colour colour_random(dice *d, double least_value, double most_saturation);
colour colour_mix(colour a, colour b, double t); /* a at 0, b at 1 */
double colour_distance(colour a, colour b);      /* 0 .. 3, green counts most */

/* A field is a function of the plane (in pixels) with values in 0..1. */
typedef struct field {
    enum field_kind { FIELD_FLAT, FIELD_RAMP, FIELD_CLOUDS, FIELD_WAVES, FIELD_CHECKS, FIELD_RIPPLES } kind;
    double ux, uy, at; /* a direction divided by the period, and a phase; or the centre of ripples */
    int octaves;       /* clouds */
    uint64_t seed;     /* clouds */
} field;

field field_make(dice *d, enum field_kind kind, double period); /* in pixels */
double field_at(const field *f, double x, double y);

typedef struct canvas {
    colour px[CANVAS][CANVAS];
} canvas;

/* Paints every pixel: a canvas begins with this. */
void canvas_fill(canvas *c, colour (*shade)(const void *what, double x, double y), const void *what);

/* Paints where `covers` says so, by 4 x 4 samples a pixel; shade(x, y) gives the colour.
 * near(x, y), asked first with a pixel's centre, is 0 where the pixel is surely not touched. */
typedef struct layer {
    int (*near)(const void *what, double x, double y);
    int (*covers)(const void *what, double x, double y);
    colour (*shade)(const void *what, double x, double y);
    const void *what;
    double opacity;
} layer;

void canvas_paint(canvas *c, const layer *l);

/* Rounds to bytes, with noise of that deviation (in 0..1) on every channel. */
void canvas_bytes(const canvas *c, uint8_t *px, dice *d, double noise);

#endif
