/* ascent.c - projected gradient ascent in a ball. */
#include "ascent.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* So much further than the radius do all steps together lead: enough to cross the
 * ball and to come back. */
static const double reach = 2.5;

double ascent_norm(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sqrt(sum);
}

void ascent_scale(double *eps, int64_t n, double rho)
{
    double norm = ascent_norm(eps, n), by = norm > 0 ? rho / norm : 0;
    for (int64_t i = 0; i < n; i++)
        eps[i] *= by;
}

static double increase_at(const ascent *a, const double *eps, double *g)
{
    double loss = a->loss(a->self, eps, g);
    return isfinite(loss) ? loss - a->base : INFINITY;
}

/* One step along g, and back to the sphere. 0 where there is no way to go. */
static int move(double *at, const double *g, int64_t n, double step, double rho)
{
    double norm = ascent_norm(g, n);
    if (!(norm > 0) || !isfinite(norm))
        return 0;
    for (int64_t i = 0; i < n; i++)
        at[i] += step * g[i] / (norm + 1e-12);
    if (ascent_norm(at, n) > rho)
        ascent_scale(at, n, rho);
    return 1;
}

void ascend(const ascent *a, double rho, double *eps, double *increase)
{
    size_t bytes = (size_t)a->n * sizeof *eps;
    double *at = text_more(NULL, bytes), *g = text_more(NULL, bytes);
    memcpy(at, eps, bytes);
    for (int64_t t = 0, on = rho > 0; on && t <= a->steps && *increase < INFINITY; t++) {
        double seen = increase_at(a, at, t < a->steps ? g : NULL);
        if (seen > *increase) {
            *increase = seen;
            memcpy(eps, at, bytes);
        }
        on = t < a->steps && move(at, g, a->n, reach * rho / (double)a->steps, rho);
    }
    free(at);
    free(g);
}

double ascend_once(const ascent *a, double rho, const double *g)
{
    size_t bytes = (size_t)a->n * sizeof *g;
    double *eps = text_more(NULL, bytes);
    memcpy(eps, g, bytes);
    ascent_scale(eps, a->n, rho);
    double seen = rho > 0 && ascent_norm(g, a->n) > 0 ? increase_at(a, eps, NULL) : 0;
    free(eps);
    return seen;
}
