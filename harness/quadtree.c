/* quadtree.c - squares in depth-first order, each with the number of the first
 * that is not inside it: walking is one loop that either goes into a square or
 * past it. Points lie in the squares' order, so a leaf is a run of them. */
#include "quadtree.h"
#include "engine.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAF = 8 /* points that are cheaper to visit than to divide */, DEEPEST = 48 };

typedef struct square {
    double x, y, side, count; /* its points' mean, and how many they are */
    int32_t past;             /* the next square that is not in this one */
    int32_t first;            /* a leaf's first point, -1: it is divided */
} square;

struct quadtree {
    square *squares;
    int64_t n, used, room;
    int32_t *order, *spare; /* [n] */
    double *points;         /* [n][2] in this order */
    const double *at;       /* while it is built */
};

typedef struct corner {
    double x, y, side;
} corner;

quadtree *quadtree_new(int64_t n)
{
    quadtree *t = pool_host(sizeof *t);
    t->n = n;
    t->order = pool_host((size_t)n * sizeof *t->order);
    t->spare = pool_host((size_t)n * sizeof *t->spare);
    t->points = pool_host((size_t)n * 2 * sizeof *t->points);
    return t;
}

void quadtree_free(quadtree *t)
{
    if (!t)
        return;
    free(t->squares);
    free(t->order);
    free(t->spare);
    free(t->points);
    free(t);
}

static int32_t add_square(quadtree *t, const int32_t *which, int64_t n, double side)
{
    square s = {.side = side, .count = (double)n, .first = -1};
    for (int64_t i = 0; i < n; i++) {
        s.x += t->at[2 * which[i]];
        s.y += t->at[2 * which[i] + 1];
    }
    s.x /= (double)n;
    s.y /= (double)n;
    if (t->used == t->room) {
        t->room = 2 * t->room + 1024;
        t->squares = text_more(t->squares, (size_t)t->room * sizeof *t->squares);
    }
    t->squares[t->used] = s;
    return (int32_t)t->used++;
}

/* Orders the points by quarter, otherwise as they were; ends[q] is where a quarter ends. */
static void quarter(quadtree *t, int64_t first, int64_t n, corner c, int64_t ends[4])
{
    int64_t from = first;
    double x = c.x + c.side / 2, y = c.y + c.side / 2;
    memcpy(t->spare + first, t->order + first, (size_t)n * sizeof *t->order);
    for (int q = 0; q < 4; q++) {
        for (int64_t i = first; i < first + n; i++) {
            const double *p = t->at + 2 * t->spare[i];
            if ((p[0] >= x) + 2 * (p[1] >= y) == q)
                t->order[from++] = t->spare[i];
        }
        ends[q] = from;
    }
}

static void divide(quadtree *t, int64_t first, int64_t n, corner c, int depth)
{
    int64_t ends[4];
    int32_t own = add_square(t, t->order + first, n, c.side);
    if (n <= LEAF || depth == DEEPEST) {
        t->squares[own].first = (int32_t)first;
    } else {
        quarter(t, first, n, c, ends);
        for (int q = 0; q < 4; q++) {
            int64_t from = q ? ends[q - 1] : first;
            corner inner = {c.x + (q & 1) * c.side / 2, c.y + (q >> 1) * c.side / 2, c.side / 2};
            if (ends[q] > from)
                divide(t, from, ends[q] - from, inner, depth + 1);
        }
    }
    t->squares[own].past = (int32_t)t->used;
}

void quadtree_build(quadtree *t, const double *at)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < 2 * t->n; i++) {
        low[i % 2] = fmin(low[i % 2], at[i]);
        high[i % 2] = fmax(high[i % 2], at[i]);
    }
    for (int64_t i = 0; i < t->n; i++)
        t->order[i] = (int32_t)i;
    t->at = at;
    t->used = 0;
    divide(t, 0, t->n, (corner){low[0], low[1], fmax(high[0] - low[0], high[1] - low[1])}, 0);
    for (int64_t i = 0; i < t->n; i++)
        memcpy(t->points + 2 * i, at + 2 * t->order[i], 2 * sizeof *at);
}

/* What `count` points at a distance of (dx, dy) do. */
static inline double push(double dx, double dy, double count, double force[2])
{
    double w = 1 / (1 + dx * dx + dy * dy), all = count * w;
    force[0] += all * w * dx;
    force[1] += all * w * dy;
    return all;
}

double quadtree_repulsion(const quadtree *t, const double at[2], double theta, double force[2])
{
    double sum = 0;
    force[0] = force[1] = 0;
    for (int64_t i = 0; i < t->used;) {
        const square *s = t->squares + i;
        double dx = at[0] - s->x, dy = at[1] - s->y;
        if (s->side * s->side < theta * theta * (dx * dx + dy * dy)) {
            sum += push(dx, dy, s->count, force);
            i = s->past;
            continue;
        }
        for (int64_t k = s->first; s->first >= 0 && k < s->first + (int64_t)s->count; k++)
            sum += push(at[0] - t->points[2 * k], at[1] - t->points[2 * k + 1], 1, force);
        i++;
    }
    return sum;
}

const int32_t *quadtree_order(const quadtree *t)
{
    return t->order;
}
