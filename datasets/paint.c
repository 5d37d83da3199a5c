/* paint.c - random numbers come from kernels/random.h, where a draw has the same
 * bits everywhere; waves are built of parabolas, so that no sine is needed. */
#include "paint.h"
#include "../kernels/random.h"

dice dice_branch(const dice *d, uint64_t number)
{
    return (dice){.stream = random_stream(d->stream, number)};
}

double dice_real(dice *d, double lo, double hi)
{
    return lo + (hi - lo) * (double)random_uniform(d->stream, d->taken++);
}

int dice_below(dice *d, int n)
{
    return (int)random_below(d->stream, d->taken++, n);
}

int dice_chance(dice *d, double p)
{
    return dice_real(d, 0, 1) < p;
}

void dice_direction(dice *d, double *x, double *y)
{
    double r;
    do {
        *x = dice_real(d, -1, 1);
        *y = dice_real(d, -1, 1);
        r = *x * *x + *y * *y;
    } while (r > 1 || r < 0.01);
    r = sqrt(r);
    *x /= r;
    *y /= r;
}

/* One channel of a hue: the piecewise linear bump of the HSV model. */
static double bump(double hue, double centre)
{
    double d = hue - centre;
    d = d < -3 ? d + 6 : d > 3 ? d - 6 : d;
    d = 2 - (d < 0 ? -d : d);
    return d < 0 ? 0 : d > 1 ? 1 : d;
}

colour colour_random(dice *d, double least_value, double most_saturation)
{
    double hue = dice_real(d, 0, 6);
    double value = dice_real(d, least_value, 1);
    double s = dice_real(d, 0, most_saturation);
    return (colour){value * (1 - s + s * bump(hue, 0)), value * (1 - s + s * bump(hue, 2)),
                    value * (1 - s + s * bump(hue, 4))};
}

colour colour_mix(colour a, colour b, double t)
{
    return (colour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

double colour_distance(colour a, colour b)
{
    double r = a.r - b.r, g = a.g - b.g, v = a.b - b.b;
    return (r < 0 ? -r : r) * 0.9 + (g < 0 ? -g : g) * 1.5 + (v < 0 ? -v : v) * 0.6;
}

static double smooth(double t)
{
    return t * t * (3 - 2 * t);
}

static double fraction(double x)
{
    return x - floor(x);
}

/* Value noise: random values on a grid of unit cells, smoothly joined. */
static double grid_noise(uint64_t seed, double x, double y)
{
    double fx = floor(x), fy = floor(y), tx = smooth(x - fx), ty = smooth(y - fy), v[4];
    for (int i = 0; i < 4; i++) {
        uint64_t column = (uint64_t)((int64_t)fx + 4096 + i % 2), row = (uint64_t)((int64_t)fy + 4096 + i / 2);
        v[i] = (double)random_uniform(seed, row << 16 | column);
    }
    return (v[0] * (1 - tx) + v[1] * tx) * (1 - ty) + (v[2] * (1 - tx) + v[3] * tx) * ty;
}

static double clouds(const field *f, double x, double y)
{
    double sum = 0, all = 0, weight = 1;
    double u = f->ux * x - f->uy * y, v = f->uy * x + f->ux * y; /* the grid lies askew */
    for (int i = 0; i < f->octaves; i++) {
        sum += weight * grid_noise(f->seed + (uint64_t)i, u, v);
        all += weight;
        weight *= 0.55;
        u = 2 * u + 7.3;
        v = 2 * v + 3.1;
    }
    return sum / all;
}

/* One period of a wave that looks like a sine, in 0..1. */
static double wave(double t)
{
    double f = 2 * fraction(t) - 1;
    return smooth(f < 0 ? -f : f);
}

field field_make(dice *d, enum field_kind kind, double period)
{
    field f = {.kind = kind, .octaves = 3};
    dice_direction(d, &f.ux, &f.uy);
    f.ux /= period;
    f.uy /= period;
    f.at = dice_real(d, 0, 1);
    f.seed = random_stream(d->stream, d->taken++);
    return f;
}

double field_at(const field *f, double x, double y)
{
    double u = f->ux * x + f->uy * y + f->at, v = f->ux * y - f->uy * x + f->at, ramp;
    switch (f->kind) {
    case FIELD_RAMP:
        ramp = f->ux * (x - CANVAS / 2.0) + f->uy * (y - CANVAS / 2.0) + 0.5;
        return ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
    case FIELD_CLOUDS:
        return clouds(f, x, y);
    case FIELD_WAVES:
        return wave(u);
    case FIELD_CHECKS:
        return (fraction(u) < 0.5) != (fraction(v) < 0.5);
    case FIELD_RIPPLES:
        x -= CANVAS * (0.2 + 0.6 * f->at); /* rings around a point of the inner part */
        y -= CANVAS * (0.2 + 0.6 * fraction(17 * f->at));
        return wave(sqrt((x * x + y * y) * (f->ux * f->ux + f->uy * f->uy)) + f->at);
    default:
        return 0.5;
    }
}

static int samples_covered(const layer *l, int x, int y)
{
    int n = 0;
    for (int i = 0; i < 16 && (i || l->near(l->what, x + 0.5, y + 0.5)); i++)
        n += l->covers(l->what, x + (i % 4 + 0.5) * 0.25, y + (i / 4 + 0.5) * 0.25);
    return n;
}

void canvas_fill(canvas *c, colour (*shade)(const void *what, double x, double y), const void *what)
{
    for (int y = 0; y < CANVAS; y++)
        for (int x = 0; x < CANVAS; x++)
            c->px[y][x] = shade(what, x + 0.5, y + 0.5);
}

void canvas_paint(canvas *c, const layer *l)
{
    for (int y = 0; y < CANVAS; y++)
        for (int x = 0; x < CANVAS; x++) {
            double share = l->opacity * samples_covered(l, x, y) / 16;
            if (share > 0)
                c->px[y][x] = colour_mix(c->px[y][x], l->shade(l->what, x + 0.5, y + 0.5), share);
        }
}

/* Nearly normal: four uniform numbers of 16 bits from one draw. */
static double noise_of(uint64_t bits)
{
    int64_t sum = 0;
    for (int i = 0; i < 64; i += 16)
        sum += (int64_t)(bits >> i & 0xffff);
    return (double)(sum - 2 * 65535) / 37837.2;
}

static uint8_t to_byte(double v)
{
    v = v * 255 + 0.5;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void canvas_bytes(const canvas *c, uint8_t *px, dice *d, double noise)
{
    for (int y = 0; y < CANVAS; y++)
        for (int x = 0; x < CANVAS; x++) {
            const colour *p = &c->px[y][x];
            const double v[3] = {p->r, p->g, p->b};
            for (int k = 0; k < 3; k++)
                *px++ = to_byte(v[k] + noise * noise_of(random_bits(d->stream, d->taken++)));
        }
}
