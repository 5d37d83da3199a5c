/* outlines.c - ten outlines that classifiers learn and eight they never see. */
#include "outlines.h"

#include <math.h>

static bool box(double u, double v, double half_width, double half_height)
{
    return fabs(u) < half_width && fabs(v) < half_height;
}

static bool circle(double u, double v, double r)
{
    return u * u + v * v < r * r;
}

/* --- Known --- */

static bool disc(double u, double v)
{
    return circle(u, v, 0.88);
}

static bool ring(double u, double v)
{
    return circle(u, v, 0.95) && !circle(u, v, 0.58);
}

static bool square(double u, double v)
{
    return box(u, v, 0.72, 0.72);
}

static bool frame(double u, double v)
{
    return box(u, v, 0.78, 0.78) && !box(u, v, 0.46, 0.46);
}

static bool triangle(double u, double v)
{
    return v < 0.5 && fabs(u) < (v + 0.95) * 0.5774;
}

static bool plus(double u, double v)
{
    return box(u, v, 0.95, 0.28) || box(u, v, 0.28, 0.95);
}

/* Five points: inside at least four of the five half planes of a pentagram. */
static bool star(double u, double v)
{
    static const double edge[5][2] = {
        {0, -1}, {0.951057, -0.309017}, {0.587785, 0.809017}, {-0.587785, 0.809017}, {-0.951057, -0.309017}};
    int within = 0;
    for (int i = 0; i < 5; i++)
        within += -(edge[i][0] * u + edge[i][1] * v) < 0.31;
    return within >= 4 && circle(u, v, 1);
}

static bool bar(double u, double v)
{
    return box(u, v, 0.97, 0.26);
}

static bool bow(double u, double v) /* two opposite quarters of a square */
{
    return box(u, v, 0.75, 0.75) && u * v > 0;
}

static bool dome(double u, double v)
{
    return v < 0.4 && circle(u, v - 0.4, 0.95);
}

/* --- Unseen --- */

static bool crescent(double u, double v)
{
    return circle(u, v, 0.95) && !circle(u - 0.42, v, 0.72);
}

static bool heart(double u, double v)
{
    double x = 1.25 * u, y = 0.15 - 1.25 * v, q = x * x + y * y - 1;
    return q * q * q < x * x * y * y * y;
}

static bool arrow(double u, double v)
{
    return (u > 0.05 && fabs(v) < (0.97 - u) * 0.75) || (u > -0.95 && u <= 0.05 && fabs(v) < 0.2);
}

static bool hourglass(double u, double v)
{
    return fabs(v) < 0.8 && fabs(u) < 0.85 * fabs(v) + 0.06;
}

static bool tee(double u, double v)
{
    return box(u, v + 0.58, 0.8, 0.22) || box(u, v - 0.1, 0.22, 0.82);
}

static bool dumbbell(double u, double v)
{
    return circle(fabs(u) - 0.6, v, 0.36) || box(u, v, 0.6, 0.12);
}

static bool chevron(double u, double v)
{
    return fabs(u) < 0.8 && fabs(v + 0.4 - fabs(u)) < 0.28;
}

static bool cake(double u, double v) /* a disc with a piece cut out */
{
    return circle(u, v, 0.92) && !(u > 0.8 * fabs(v));
}

const outline outlines_known[OUTLINES_KNOWN] = {
    {"disc", disc}, {"ring", ring}, {"square", square}, {"frame", frame}, {"triangle", triangle},
    {"plus", plus}, {"star", star}, {"bar", bar},       {"bow", bow},     {"dome", dome},
};

const outline outlines_unseen[OUTLINES_UNSEEN] = {
    {"crescent", crescent}, {"heart", heart},       {"arrow", arrow},     {"hourglass", hourglass},
    {"tee", tee},           {"dumbbell", dumbbell}, {"chevron", chevron}, {"cake", cake},
};
