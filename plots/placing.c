/* placing.c - every label in turn takes the place around its point that costs least, a few
 * times over: nothing is drawn at random, so equal data is placed equally. */
#include "placing.h"
#include "../harness/text.h"

#include <math.h>

typedef struct box {
    double x0, y0, x1, y1;
} box;

static box label_box(const placed *p, double x, double y)
{
    return (box){x - p->wide / 2, y - p->tall / 2, x + p->wide / 2, y + p->tall / 2};
}

static double overlap(box a, box b)
{
    double w = fmin(a.x1, b.x1) - fmax(a.x0, b.x0), h = fmin(a.y1, b.y1) - fmax(a.y0, b.y0);
    return w > 0 && h > 0 ? w * h : 0;
}

static double outside(box b, const area *a)
{
    return fmax(0, -b.x0) + fmax(0, b.x1 - a->wide) + fmax(0, -b.y0) + fmax(0, b.y1 - a->tall);
}

static double in_corners(box b, const area *a)
{
    double w = a->corner_wide, h = a->corner_tall, sum = 0;
    for (int i = 0; i < 4; i++) {
        double x = i % 2 ? a->wide - w : 0, y = i / 2 ? a->tall - h : 0;
        sum += overlap(b, (box){x, y, x + w, y + h});
    }
    return sum;
}

static double cost(const placed *p, int n, int which, box b, const area *a)
{
    double sum = 40 * outside(b, a) + 20 * in_corners(b, a) +
                 4 * overlap(b, (box){a->line_x - 0.02, 0, a->line_x + 0.02, a->tall}) +
                 4 * overlap(b, (box){0, a->line_y - 0.02, a->wide, a->line_y + 0.02});
    for (int i = 0; i < n; i++) {
        box mark = {p[i].x - 0.1, p[i].y - 0.1, p[i].x + 0.1, p[i].y + 0.1};
        sum += 40 * overlap(b, mark);
        if (i != which)
            sum += 20 * overlap(b, label_box(&p[i], p[i].label_x, p[i].label_y));
    }
    return sum;
}

static void place_one(placed *p, int n, int which, const area *a)
{
    static const double rings[] = {0.12, 0.4, 0.8, 1.3};
    enum { RINGS = sizeof rings / sizeof *rings, ANGLES = 16 };
    placed *self = &p[which];
    double least = INFINITY, best_x = 0, best_y = 0;
    for (int i = 0; i < RINGS * ANGLES; i++) {
        double angle = 2 * 3.14159265358979 * (i % ANGLES) / ANGLES, r = rings[i / ANGLES];
        double x = self->x + cos(angle) * (r + self->wide / 2), y = self->y + sin(angle) * (r + self->tall / 2);
        double c = cost(p, n, which, label_box(self, x, y), a) + 0.5 * r + 0.02 * (1 - cos(angle));
        if (c < least - 1e-9) {
            least = c;
            best_x = x;
            best_y = y;
        }
    }
    self->label_x = best_x;
    self->label_y = best_y;
}

void place_labels(placed *p, int n, const area *a)
{
    enum { ROUNDS = 6 };
    for (int i = 0; i < n; i++) {
        p[i].label_x = p[i].x + p[i].wide / 2 + 0.12;
        p[i].label_y = p[i].y;
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < n; i++)
            place_one(p, n, i, a);
}

double place_width(const char *s)
{
    return 0.13 * text_columns(s) + 0.12;
}
