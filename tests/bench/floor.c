/* floor.c - the least time that a network can take on a card: each convolution at
 * the card's rate of products or of moving its arrays, whichever is longer, and
 * nothing between. Norms, ReLUs and sums are taken to be done where an array is
 * read or written anyway; images come in and gradients by the images are not asked
 * for. Counted from the layers, before anything is measured. */
#include "bench.h"

#include "../../harness/network.h"

/* The larger of what the products and what the arrays need, in seconds. */
static double piece(const floor_of *f, double gflop, double values)
{
    double compute = gflop / f->rate, memory = 1e-9 * f->bytes * values / f->bandwidth;
    return compute > memory ? compute : memory;
}

double floor_forward(const floor_of *f, const struct net *n, int64_t images)
{
    double all = 0;
    for (int i = 0; i < n->nlayers; i++) {
        const bk_window *g = &n->layers[i].g;
        double x = (double)(images * g->h * g->w * g->c), y = (double)(images * g->p * g->q * g->k);
        double w = (double)g->k * g->r * g->s * (double)g->c;
        if (n->layers[i].kind == BK_CONV)
            all += piece(f, 2e-9 * y * g->r * g->s * (double)g->c, x + y + w);
        else if (n->layers[i].kind == BK_PLUS)
            all += piece(f, 0, y); /* the second operand is read */
    }
    return all;
}

/* The convolutions' two gradients: by the filter, and by the input unless that is the images. */
double floor_backward(const floor_of *f, const struct net *n, int64_t images)
{
    double all = floor_forward(f, n, images);
    for (int i = 0; i < n->nlayers; i++) {
        const bk_window *g = &n->layers[i].g;
        double x = (double)(images * g->h * g->w * g->c), y = (double)(images * g->p * g->q * g->k);
        double w = (double)g->k * g->r * g->s * (double)g->c;
        if (n->layers[i].kind == BK_CONV && n->layers[i].a >= 0)
            all += piece(f, 2e-9 * y * g->r * g->s * (double)g->c, x + y + w);
    }
    return all;
}

double floor_update(const floor_of *f, const struct net *n)
{
    return 1e-9 * 4 * 5 * (double)n->nweights / f->bandwidth; /* w, velocity, gradient in; two out */
}
