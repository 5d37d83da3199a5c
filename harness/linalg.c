/* linalg.c - what is computed on the host, in double: eigenvectors, principal
 * directions, pseudo-inverses, quantiles. All wait for the device and have no
 * derivative. */
#define TX_PLAIN
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "engine.h"

static double *read_doubles(const tensor *t)
{
    real *host = pool_host((size_t)t->count * sizeof *host);
    double *a = pool_host((size_t)t->count * sizeof *a);

    tx_read(t, host);
    for (int64_t i = 0; i < t->count; i++)
        a[i] = (double)host[i];
    free(host);
    return a;
}

static bool all_finite(const double *a, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(a[i]))
            return false;
    return true;
}

/* An eigenvector's sign is arbitrary: its largest component is made positive,
 * the first of equals, so that machines agree. */
static void fix_sign(double *v, int64_t n)
{
    int64_t top = 0;

    for (int64_t i = 1; i < n; i++)
        if (fabs(v[i]) > fabs(v[top]))
            top = i;
    bool flip = n > 0 && v[top] < 0;
    for (int64_t i = 0; flip && i < n; i++)
        v[i] = -v[i];
}

/* a, column by column, becomes its eigenvectors; what is not finite, or does
 * not converge, becomes not-a-number throughout. */
static void decompose(double *a, double *w, int64_t n)
{
    lapack_int info = -1;

    if (all_finite(a, n * n))
        info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, w);
    if (info == 0)
        return;
    for (int64_t i = 0; i < n * n; i++)
        a[i] = NAN;
    for (int64_t i = 0; i < n; i++)
        w[i] = NAN;
}

/* The eigenvectors of a, column by column, as rows, largest first; frees a. */
static tensor *eigenvectors(double *a, int64_t n, tensor **values)
{
    double *w = pool_host((size_t)n * sizeof *w);
    real *rows = pool_host((size_t)(n * n) * sizeof *rows), *descending = pool_host((size_t)n * sizeof *descending);

    if (n)
        decompose(a, w, n);
    for (int64_t i = 0; i < n; i++) {
        double *v = a + (n - 1 - i) * n;
        fix_sign(v, n);
        descending[i] = (real)w[n - 1 - i];
        for (int64_t j = 0; j < n; j++)
            rows[i * n + j] = (real)v[j];
    }
    tensor *vectors = tx_from(DIMS(n, n), rows);
    if (values)
        *values = tx_from(DIMS(n), descending);
    free(a);
    free(w);
    free(rows);
    free(descending);
    return vectors;
}

tensor *tx_eigh(tensor *symmetric, tensor **values)
{
    int64_t n = symmetric->rows;

    if (symmetric->d.n != 2 || n != symmetric->cols || symmetric->integer)
        tx_die("tx_eigh", "%s, a square matrix is expected", tx_text(symmetric));
    return eigenvectors(read_doubles(symmetric), n, values);
}

/* x'x of [rows, n], both triangles. The rank update is LAPACK's way into BLAS:
 * it fills a packed triangle, which is unpacked and mirrored. */
static double *gram(const double *x, int64_t rows, int64_t n)
{
    double *packed = pool_host((size_t)(n * (n + 1) / 2) * sizeof *packed);
    double *full = pool_host((size_t)(n * n) * sizeof *full);

    LAPACKE_dsfrk(LAPACK_COL_MAJOR, 'N', 'U', 'N', (lapack_int)n, (lapack_int)rows, 1, x, (lapack_int)n, 0, packed);
    LAPACKE_dtfttr(LAPACK_COL_MAJOR, 'N', 'U', (lapack_int)n, packed, full, (lapack_int)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            full[j * n + i] = full[i * n + j];
    free(packed);
    return full;
}

tensor *tx_principal(tensor *x, tensor **values)
{
    int64_t n = x->cols;

    if (x->integer || x->count == 0)
        tx_die("tx_principal", "%s, at least one row is expected", tx_text(x));
    double *host = read_doubles(x), *a = gram(host, x->rows, n);
    bool finite = all_finite(host, x->count);
    free(host);
    for (int64_t i = 0; i < n * n; i++)
        a[i] = finite ? a[i] / (double)x->rows : NAN;
    return eigenvectors(a, n, values);
}

/* The pseudo-inverse [n][m] of a, which is [m][n] and is overwritten. */
static void invert(double *a, real *out, int64_t m, int64_t n)
{
    int64_t k = m < n ? m : n;
    double *s = pool_host((size_t)k * sizeof *s);
    double *u = pool_host((size_t)(m * k) * sizeof *u), *vt = pool_host((size_t)(k * n) * sizeof *vt);
    bool good = all_finite(a, m * n) && LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (lapack_int)m, (lapack_int)n, a,
                                                       (lapack_int)n, s, u, (lapack_int)k, vt, (lapack_int)n) == 0;

    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m; j++) {
            double sum = good ? 0 : NAN;
            for (int64_t l = 0; l < k && s[l] > 1e-15 * (double)(m > n ? m : n) * s[0]; l++)
                sum += vt[l * n + i] * u[j * k + l] / s[l];
            out[i * m + j] = (real)sum;
        }
    free(s);
    free(u);
    free(vt);
}

tensor *tx_pinv(tensor *x)
{
    if (x->d.n != 2 || x->integer || x->count == 0)
        tx_die("tx_pinv", "%s, a matrix is expected", tx_text(x));
    double *a = read_doubles(x);
    real *out = pool_host((size_t)x->count * sizeof *out);
    invert(a, out, x->rows, x->cols);
    tensor *y = tx_from(DIMS(x->cols, x->rows), out);
    free(a);
    free(out);
    return y;
}

/* Moves the k-th smallest of v to v[k], none larger before it and none smaller
 * behind (Hoare's FIND; equal values, of which ReLU leaves many, split evenly). */
static double select_kth(double *v, int64_t n, int64_t k)
{
    int64_t lo = 0, hi = n - 1;

    while (lo < hi) {
        double a = v[lo], b = v[lo + (hi - lo) / 2], c = v[hi];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        int64_t i = lo, j = hi;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                double t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return v[k];
}

/* v_i + (r - i)(v_(i+1) - v_i), r = (n-1) p, of the sorted values. */
static double quantile(double *v, int64_t n, double p)
{
    double r = (double)(n - 1) * p;
    int64_t i = (int64_t)r;
    double below = select_kth(v, n, i), above = INFINITY;

    if (i + 1 == n)
        return below;
    for (int64_t j = i + 1; j < n; j++)
        above = fmin(above, v[j]);
    return r > (double)i ? below + (r - (double)i) * (above - below) : below;
}

double tx_quantile(tensor *x, double p)
{
    if (x->integer || x->count == 0 || !(p >= 0 && p <= 1))
        tx_die("tx_quantile", "%g of %s: a share from 0 to 1 of at least one value is expected", p, tx_text(x));
    double *v = read_doubles(x), found = 0;

    for (int64_t i = 0; i < x->count; i++) /* one NaN makes the answer NaN */
        found += isnan(v[i]) ? NAN : 0;
    if (!isnan(found))
        found = quantile(v, x->count, p);
    free(v);
    return found;
}
