/* shapes.c - draws the embedded data. A scene is a background, perhaps clutter,
 * and an object; each pixel is the mean of sixteen samples, then noise comes on
 * top. Colours are in 0..1 until the last step. */
#include "shapes.h"
#include "../kernels/random.h"
#include "outlines.h"

#include <string.h>

enum { SHAPES, NEWSHAPES, PLASMA, GRATINGS, SCRIBBLES, SETS };
static const char *const names[SETS] = {"shapes", "newshapes", "plasma", "gratings", "scribbles"};

enum { SIDE = SHAPES_SIDE, FINE = 4 }; /* FINE x FINE samples a pixel */

typedef struct draws { /* the random numbers of one image, in order of use */
    uint64_t seed, next;
} draws;

typedef struct colour {
    double c[3];
} colour;

typedef struct scene {
    int set;
    const outline *object; /* NULL: none */
    colour ground[2], ink[2];
    double along[2];                    /* unit direction of the ground's gradient */
    double x, y, radius, turn[2];       /* object: centre and size in pixels, cosine and sine */
    double wave[2][2], shift[2], sharp; /* gratings: cycles a pixel, phase, steepness */
    int waves, strokes, blobs;
    double stroke[5][6], width; /* scribbles: quadratic curves, half width in pixels */
    double blob[3][3];          /* clutter: centre, radius */
    colour blob_ink[3];
    double ripple, noise; /* strength of the ground's unevenness, and of the pixels' noise */
    uint64_t texture;     /* seed of noise fields */
} scene;

static double uniform(draws *d, double lo, double hi)
{
    return lo + (hi - lo) * (double)random_uniform(d->seed, d->next++);
}

static int below(draws *d, int n)
{
    return (int)random_below(d->seed, d->next++, n);
}

static void direction(draws *d, double unit[2])
{
    double n;
    do {
        unit[0] = uniform(d, -1, 1);
        unit[1] = uniform(d, -1, 1);
        n = unit[0] * unit[0] + unit[1] * unit[1];
    } while (n < 0.01 || n > 1);
    unit[0] /= sqrt(n);
    unit[1] /= sqrt(n);
}

static colour any_colour(draws *d)
{
    colour k;
    for (int i = 0; i < 3; i++)
        k.c[i] = uniform(d, 0.05, 0.95);
    return k;
}

static double distance(const colour *a, const colour *b)
{
    double s = 0;
    for (int i = 0; i < 3; i++)
        s += (a->c[i] - b->c[i]) * (a->c[i] - b->c[i]);
    return sqrt(s);
}

static colour blend(const colour *a, const colour *b, double t)
{
    colour k;
    for (int i = 0; i < 3; i++)
        k.c[i] = a->c[i] + (b->c[i] - a->c[i]) * t;
    return k;
}

/* A colour that stands out from both grounds by at least `contrast`. */
static colour ink_colour(draws *d, const colour ground[2], double contrast)
{
    colour k;
    do
        k = any_colour(d);
    while (distance(&k, &ground[0]) < contrast || distance(&k, &ground[1]) < contrast);
    return k;
}

/* --- Fields --- */

static double lattice(uint64_t seed, int x, int y)
{
    return (double)random_uniform(seed, (uint64_t)(x + 64) * 4096 + (uint64_t)(y + 64));
}

/* Smooth noise in 0..1 that varies over `cell` pixels. x, y >= 0. */
static double field(uint64_t seed, double x, double y, double cell)
{
    double gx = x / cell, gy = y / cell;
    int ix = (int)gx, iy = (int)gy;
    double fx = gx - ix, fy = gy - iy;
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    double top = lattice(seed, ix, iy) * (1 - fx) + lattice(seed, ix + 1, iy) * fx;
    double low = lattice(seed, ix, iy + 1) * (1 - fx) + lattice(seed, ix + 1, iy + 1) * fx;
    return top * (1 - fy) + low * fy;
}

static double clamp01(double t)
{
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

static colour ground_at(const scene *s, double x, double y)
{
    double t = ((x - 16) * s->along[0] + (y - 16) * s->along[1]) / 32 + 0.5;
    return blend(&s->ground[0], &s->ground[1], clamp01(t + s->ripple * (field(s->texture, x, y, 6) - 0.5)));
}

static colour plasma_at(const scene *s, double x, double y)
{
    colour k;
    for (int i = 0; i < 3; i++) {
        uint64_t seed = random_stream(s->texture, (uint64_t)i);
        double t = 0.6 * field(seed, x, y, 11) + 0.3 * field(seed + 1, x, y, 5) + 0.1 * field(seed + 2, x, y, 2.3);
        k.c[i] = clamp01(0.5 + 1.6 * (t - 0.5));
    }
    return k;
}

/* A triangle wave of period 1 in -1..1, made steeper and cut off. */
static double wave(double t, double sharp)
{
    t = t - (double)(int64_t)t;
    t = t < 0 ? t + 1 : t;
    t = (t < 0.5 ? 4 * t - 1 : 3 - 4 * t) * sharp;
    return t < -1 ? -1 : t > 1 ? 1 : t;
}

static colour grating_at(const scene *s, double x, double y)
{
    double t = 1;
    for (int i = 0; i < s->waves; i++)
        t *= wave(s->wave[i][0] * x + s->wave[i][1] * y + s->shift[i], s->sharp);
    return blend(&s->ground[0], &s->ink[0], 0.5 + 0.5 * t);
}

/* --- Objects --- */

static int in_stroke(const scene *s, const double p[6], double x, double y)
{
    for (int i = 0; i <= 24; i++) { /* points along the curve lie closer than its width */
        double t = i / 24.0, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        double dx = x - (a * p[0] + b * p[2] + c * p[4]), dy = y - (a * p[1] + b * p[3] + c * p[5]);
        if (dx * dx + dy * dy < s->width * s->width)
            return 1;
    }
    return 0;
}

static colour sample(const scene *s, double x, double y)
{
    if (s->set == PLASMA)
        return plasma_at(s, x, y);
    if (s->set == GRATINGS)
        return grating_at(s, x, y);
    double u = ((x - s->x) * s->turn[0] + (y - s->y) * s->turn[1]) / s->radius;
    double v = ((y - s->y) * s->turn[0] - (x - s->x) * s->turn[1]) / s->radius;
    if (s->object && u * u + v * v < 1.5 && s->object->inside(u, v))
        return blend(&s->ink[0], &s->ink[1], clamp01(0.5 + 0.5 * v));
    for (int i = 0; i < s->strokes; i++)
        if (in_stroke(s, s->stroke[i], x, y))
            return s->ink[i & 1];
    for (int i = 0; i < s->blobs; i++) {
        double dx = x - s->blob[i][0], dy = y - s->blob[i][1];
        if (dx * dx + dy * dy < s->blob[i][2] * s->blob[i][2])
            return s->blob_ink[i];
    }
    return ground_at(s, x, y);
}

/* --- Scenes --- */

static void plan_ground(scene *s, draws *d)
{
    s->ground[0] = any_colour(d);
    colour other = any_colour(d);
    s->ground[1] = blend(&s->ground[0], &other, uniform(d, 0.1, 0.6));
    direction(d, s->along);
    s->ripple = uniform(d, 0, 1.2);
    s->texture = random_stream(d->seed, 1);
    s->noise = uniform(d, 0.01, 0.07);
}

static void plan_object(scene *s, draws *d)
{
    s->radius = uniform(d, 6.5, 13);
    double room = 16 - 0.75 * s->radius;
    s->x = 16 + uniform(d, -room, room);
    s->y = 16 + uniform(d, -room, room);
    direction(d, s->turn);
    s->ink[0] = ink_colour(d, s->ground, 0.32);
    colour other = ink_colour(d, s->ground, 0.32);
    s->ink[1] = blend(&s->ink[0], &other, uniform(d, 0, 0.5));
    s->blobs = below(d, 4);
    for (int i = 0; i < s->blobs; i++) {
        s->blob[i][0] = uniform(d, 0, SIDE);
        s->blob[i][1] = uniform(d, 0, SIDE);
        s->blob[i][2] = uniform(d, 1, 2.6);
        s->blob_ink[i] = any_colour(d);
    }
}

static void plan_grating(scene *s, draws *d)
{
    s->ink[0] = ink_colour(d, s->ground, 0.35);
    s->waves = 1 + (below(d, 3) == 0);
    s->sharp = uniform(d, 1, 5);
    for (int i = 0; i < s->waves; i++) {
        double unit[2], cycles = uniform(d, 0.06, 0.3);
        direction(d, unit);
        s->wave[i][0] = cycles * unit[0];
        s->wave[i][1] = cycles * unit[1];
        s->shift[i] = uniform(d, 0, 1);
    }
}

static void plan_scribble(scene *s, draws *d)
{
    s->strokes = 2 + below(d, 4);
    s->width = uniform(d, 0.8, 1.9);
    for (int i = 0; i < s->strokes; i++)
        for (int j = 0; j < 6; j++)
            s->stroke[i][j] = uniform(d, 1, SIDE - 1);
    s->ink[0] = ink_colour(d, s->ground, 0.32);
    s->ink[1] = ink_colour(d, s->ground, 0.32);
}

static void plan_scene(scene *s, int set, draws *d, int kind)
{
    memset(s, 0, sizeof *s);
    s->set = set;
    s->radius = 1;
    s->turn[0] = 1;
    plan_ground(s, d);
    if (set == SHAPES || set == NEWSHAPES) {
        s->object = set == SHAPES ? &outlines_known[kind] : &outlines_unseen[kind];
        plan_object(s, d);
    } else if (set == GRATINGS) {
        plan_grating(s, d);
    } else if (set == SCRIBBLES) {
        plan_scribble(s, d);
    }
}

int shapes_set(const char *name)
{
    for (int i = 0; i < SETS; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

int shapes_kinds(int set)
{
    return set == SHAPES ? OUTLINES_KNOWN : set == NEWSHAPES ? OUTLINES_UNSEEN : 1;
}

const char *shapes_kind(int set, int kind)
{
    if (set > NEWSHAPES || kind < 0 || kind >= shapes_kinds(set))
        return NULL;
    return (set == SHAPES ? outlines_known : outlines_unseen)[kind].name;
}

void shapes_draw(uint8_t px[SHAPES_BYTES], int set, uint64_t seed, uint64_t index)
{
    draws d = {random_stream(random_stream(seed, (uint64_t)set), index), 0};
    uint64_t grain = random_stream(d.seed, 2);
    scene s;
    plan_scene(&s, set, &d, (int)(index % (uint64_t)shapes_kinds(set)));
    for (int p = 0; p < SIDE * SIDE; p++) {
        double sum[3] = {0, 0, 0};
        for (int f = 0; f < FINE * FINE; f++) {
            colour k = sample(&s, p % SIDE + (f % FINE + 0.5) / FINE, p / SIDE + (f / FINE + 0.5) / FINE);
            for (int i = 0; i < 3; i++)
                sum[i] += k.c[i];
        }
        for (int i = 0; i < 3; i++) {
            double t = sum[i] / (FINE * FINE) + s.noise * (double)random_normal(grain, (uint64_t)(3 * p + i));
            px[3 * p + i] = (uint8_t)(255 * clamp01(t) + 0.5);
        }
    }
}
