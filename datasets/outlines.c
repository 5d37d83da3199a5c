/* outlines.c - each outline as a test of a point: a polygon, or an inequality
 * that needs no more than + and *, so that every machine decides alike. */
#include "outlines.h"

#include <stddef.h>

typedef struct outline {
    const char *name;
    int (*covers)(double x, double y); /* NULL: a polygon */
    const double (*corners)[2];
    int n;
} outline;

static const double triangle[][2] = {{0, -0.98}, {0.8487, 0.49}, {-0.8487, 0.49}};
static const double star[][2] = {{0, -1},           {0.2469, -0.3398}, {0.9511, -0.309}, {0.3994, 0.1298},
                                 {0.5878, 0.809},   {0, 0.42},         {-0.5878, 0.809}, {-0.3994, 0.1298},
                                 {-0.9511, -0.309}, {-0.2469, -0.3398}};
static const double arrow[][2] = {{0.98, 0},      {0.16, 0.72},  {0.16, 0.27}, {-0.93, 0.27},
                                  {-0.93, -0.27}, {0.16, -0.27}, {0.16, -0.72}};
static const double hexagon[][2] = {{0, -0.92}, {0.7967, -0.46}, {0.7967, 0.46},
                                    {0, 0.92},  {-0.7967, 0.46}, {-0.7967, -0.46}};
static const double ell[][2] = {{-0.66, -0.74}, {-0.12, -0.74}, {-0.12, 0.2},
                                {0.66, 0.2},    {0.66, 0.74},   {-0.66, 0.74}};
static const double tee[][2] = {{-0.72, -0.66}, {0.72, -0.66}, {0.72, -0.18},  {0.25, -0.18},
                                {0.25, 0.8},    {-0.25, 0.8},  {-0.25, -0.18}, {-0.72, -0.18}};
static const double chevron[][2] = {{-0.8, -0.6}, {0, 0.05}, {0.8, -0.6}, {0.8, 0.1}, {0, 0.8}, {-0.8, 0.1}};
static const double burst[][2] = {{0, -0.98}, {0.2373, -0.5728},  {0.693, -0.693},  {0.5728, -0.2373},
                                  {0.98, 0},  {0.5728, 0.2373},   {0.693, 0.693},   {0.2373, 0.5728},
                                  {0, 0.98},  {-0.2373, 0.5728},  {-0.693, 0.693},  {-0.5728, 0.2373},
                                  {-0.98, 0}, {-0.5728, -0.2373}, {-0.693, -0.693}, {-0.2373, -0.5728}};
static const double trapezium[][2] = {{-0.42, -0.55}, {0.42, -0.55}, {0.88, 0.5}, {-0.88, 0.5}};
static const double kite[][2] = {{0, -0.62}, {0.62, -0.18}, {0, 0.98}, {-0.62, -0.18}};
static const double bolt[][2] = {{0.35, -0.95}, {-0.6, 0.12}, {-0.06, 0.12},
                                 {-0.35, 0.95}, {0.6, -0.2},  {0.06, -0.2}};

static double norm(double x, double y)
{
    return x * x + y * y;
}

static double larger(double x, double y)
{
    x = x < 0 ? -x : x;
    y = y < 0 ? -y : y;
    return x > y ? x : y;
}

static int disc(double x, double y)
{
    return norm(x, y) < 0.81;
}

static int ring(double x, double y)
{
    double r = norm(x, y);
    return r < 0.88 && r > 0.27;
}

static int square(double x, double y)
{
    return larger(x, y) < 0.7;
}

static int frame(double x, double y)
{
    double r = larger(x, y);
    return r < 0.75 && r > 0.4;
}

static int cross(double x, double y)
{
    return larger(x, y) < 0.9 && (larger(x, 0) < 0.29 || larger(y, 0) < 0.29);
}

static int crescent(double x, double y)
{
    return norm(x, y) < 0.86 && norm(x - 0.44, y) > 0.47;
}

static int heart(double x, double y)
{
    double u = 1.22 * x, v = 0.15 - 1.22 * y, t = norm(u, v) - 1;
    return t * t * t - u * u * v * v * v < 0;
}

static int half_disc(double x, double y)
{
    return y < 0.42 && norm(x, y - 0.42) < 0.85;
}

static int wedge(double x, double y)
{
    return norm(x, y) < 0.86 && !(x > 0 && larger(y, 0) < 0.75 * x);
}

static int bar(double x, double y)
{
    return larger(x, 0) < 0.94 && larger(y, 0) < 0.3;
}

static int trefoil(double x, double y)
{
    return norm(x, y + 0.45) < 0.22 || norm(x - 0.39, y - 0.23) < 0.22 || norm(x + 0.39, y - 0.23) < 0.22;
}

static int drop(double x, double y)
{
    return norm(x, y - 0.33) < 0.36 || (y > -0.95 && y < 0.1 && larger(x, 0) < 0.52 * (y + 0.95));
}

static int ellipse(double x, double y)
{
    return norm(x, 1.85 * y) < 0.9;
}

#define POLYGON(name)                                                                                              \
    {                                                                                                              \
#name, NULL, name, (int)(sizeof name / sizeof *name)                                                       \
    }
#define REGION(name)                                                                                               \
    {                                                                                                              \
#name, name, NULL, 0                                                                                       \
    }

static const outline known[] = {REGION(disc),  REGION(ring),  REGION(square),   REGION(frame), POLYGON(triangle),
                                REGION(cross), POLYGON(star), REGION(crescent), REGION(heart), POLYGON(arrow)};
static const outline unseen[] = {POLYGON(hexagon), REGION(half_disc), REGION(wedge),   POLYGON(ell),
                                 POLYGON(tee),     REGION(bar),       REGION(trefoil), POLYGON(chevron),
                                 REGION(drop),     POLYGON(burst)};
static const outline tuning[] = {REGION(ellipse), POLYGON(trapezium), POLYGON(kite), POLYGON(bolt)};

static const struct {
    const outline *o;
    int n;
} sets[] = {{known, sizeof known / sizeof *known},
            {unseen, sizeof unseen / sizeof *unseen},
            {tuning, sizeof tuning / sizeof *tuning}};

int outline_count(enum outline_group g)
{
    return sets[g].n;
}

const char *outline_name(enum outline_group g, int i)
{
    return sets[g].o[i].name;
}

/* Crossings of a ray to the left with the edges: odd is inside. */
static int in_polygon(const outline *o, double x, double y)
{
    int odd = 0;
    for (int i = 0, j = o->n - 1; i < o->n; j = i++) {
        const double *a = o->corners[i], *b = o->corners[j];
        if ((a[1] > y) != (b[1] > y) && x > a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]))
            odd = !odd;
    }
    return odd;
}

int outline_covers(enum outline_group g, int i, double x, double y)
{
    const outline *o = &sets[g].o[i];
    if (norm(x, y) > 1)
        return 0;
    return o->covers ? o->covers(x, y) : in_polygon(o, x, y);
}
