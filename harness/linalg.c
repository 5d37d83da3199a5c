/* linalg.c - what is computed on the host, in double: eigenvectors, principal
 * directions, means and scatter, pseudo-inverses. All wait for the device and
 * have no derivative. */
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

/* --- Sums over rows, which may be many: in double, a part of them at a time --- */

enum { PART = 1 << 22 }; /* values of a part: 32 MiB */

/* Which group each row belongs to, below 0: to none, and the groups' means. */
typedef struct grouping {
    int32_t *of;
    double *means; /* [k][cols] */
    int64_t k, members;
} grouping;

static double *read_part(tensor *x, int64_t first, int64_t *rows)
{
    int64_t most = x->cols < PART ? PART / x->cols : 1;
    *rows = x->rows - first < most ? x->rows - first : most;
    tensor *part = tx_view(x, first * x->cols, DIMS(*rows, x->cols));
    double *a = read_doubles(part);
    tx_drop(part);
    return a;
}

/* Adds the part's rows to their groups' sums. */
static void add_part(grouping *g, double *count, const double *a, int64_t first, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++) {
        int32_t group = g->of[first + i];
        double *sum = g->means + group * n;
        if (group < 0)
            continue;
        count[group]++;
        g->members++;
        for (int64_t j = 0; j < n; j++)
            sum[j] += a[i * n + j];
    }
}

static grouping group_means(const char *operation, tensor *x, tensor *labels, int64_t k)
{
    int64_t n = x->cols, rows;
    grouping g = {.of = pool_host((size_t)x->rows * sizeof *g.of),
                  .means = pool_host((size_t)(k * n) * sizeof *g.means),
                  .k = k};
    double *count = pool_host((size_t)k * sizeof *count);

    if (x->integer || !labels->integer || labels->count != x->rows || n == 0)
        tx_die(operation, "%s with the labels %s: reals and one integer per row are expected", tx_text(x),
               tx_text(labels));
    tx_read(labels, g.of);
    for (int64_t i = 0; i < x->rows; i++)
        if (g.of[i] >= k)
            tx_die(operation, "row %lld has the label %d: less than %lld is expected", (long long)i, (int)g.of[i],
                   (long long)k);
    for (int64_t first = 0; first < x->rows; first += rows) {
        double *a = read_part(x, first, &rows);
        add_part(&g, count, a, first, rows, n);
        free(a);
    }
    for (int64_t i = 0; i < k * n; i++)
        g.means[i] /= fmax(count[i / n], 1);
    free(count);
    return g;
}

static void forget(grouping g)
{
    free(g.of);
    free(g.means);
}

tensor *tx_means(tensor *x, tensor *labels, int64_t k)
{
    grouping g = group_means("tx_means", x, labels, k);
    real *rounded = pool_host((size_t)(k * x->cols) * sizeof *rounded);

    for (int64_t i = 0; i < k * x->cols; i++)
        rounded[i] = (real)g.means[i];
    tensor *means = tx_from(DIMS(k, x->cols), rounded);
    free(rounded);
    forget(g);
    return means;
}

/* Each row less its group's mean; a row of no group becomes zero. */
static void centre(double *a, const grouping *g, int64_t first, int64_t rows, int64_t n)
{
    for (int64_t i = 0; i < rows; i++) {
        int32_t group = g->of[first + i];
        for (int64_t j = 0; j < n; j++)
            a[i * n + j] = group < 0 ? 0 : a[i * n + j] - g->means[group * n + j];
    }
}

/* Both triangles of a packed one; frees it. */
static double *unpack(double *packed, int64_t n)
{
    double *full = pool_host((size_t)(n * n) * sizeof *full);

    LAPACKE_dtfttr(LAPACK_COL_MAJOR, 'N', 'U', (lapack_int)n, packed, full, (lapack_int)n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            full[j * n + i] = full[i * n + j];
    free(packed);
    return full;
}

/* x'x / divisor, of rows less the means of their groups, where there are any. The
 * rank update is LAPACK's way into BLAS: it fills a packed triangle. */
static double *gram(tensor *x, const grouping *g, double divisor)
{
    int64_t n = x->cols, rows;
    double *packed = pool_host((size_t)(n * (n + 1) / 2) * sizeof *packed);
    bool finite = true;

    for (int64_t first = 0; first < x->rows; first += rows) {
        double *a = read_part(x, first, &rows);
        finite = finite && all_finite(a, rows * n);
        if (g)
            centre(a, g, first, rows, n);
        LAPACKE_dsfrk(LAPACK_COL_MAJOR, 'N', 'U', 'N', (lapack_int)n, (lapack_int)rows, 1, a, (lapack_int)n,
                      first ? 1 : 0, packed);
        free(a);
    }
    double *full = unpack(packed, n);
    for (int64_t i = 0; i < n * n; i++)
        full[i] = finite ? full[i] / divisor : NAN;
    return full;
}

tensor *tx_principal(tensor *x, tensor *from, tensor **values)
{
    if (x->integer || x->count == 0 || (from && from->count != x->cols))
        tx_die("tx_principal", "%s from %s: at least one row, and an origin of its columns or none, are expected",
               tx_text(x), from ? tx_text(from) : "zero");
    grouping one = {.k = 1, .members = x->rows};
    if (from) {
        one.of = pool_host((size_t)x->rows * sizeof *one.of);
        one.means = read_doubles(from);
    }
    tensor *vectors = eigenvectors(gram(x, from ? &one : NULL, (double)x->rows), x->cols, values);
    forget(one);
    return vectors;
}

tensor *tx_scatter(tensor *x, tensor *labels, int64_t k, tensor **values)
{
    grouping g = group_means("tx_scatter", x, labels, k);

    if (g.members == 0)
        tx_die("tx_scatter", "%s, at least one row with a label is expected", tx_text(x));
    tensor *vectors = eigenvectors(gram(x, &g, (double)g.members), x->cols, values);
    forget(g);
    return vectors;
}

/* Eight sums side by side: a processor adds faster than it waits for each. */
static double dot(const double *a, const double *b, int64_t n)
{
    double sums[8] = {0};
    int64_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            sums[j] += a[i + j] * b[i + j];
    for (; i < n; i++)
        sums[i % 8] += a[i] * b[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* The pseudo-inverse [n][m] of a, which is [m][n] and is overwritten. */
static void invert(double *a, real *out, int64_t m, int64_t n)
{
    int64_t k = m < n ? m : n;
    double *s = pool_host((size_t)k * sizeof *s);
    double *u = pool_host((size_t)(m * k) * sizeof *u), *vt = pool_host((size_t)(k * n) * sizeof *vt);
    double *row = pool_host((size_t)k * sizeof *row);
    bool good = all_finite(a, m * n) && LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (lapack_int)m, (lapack_int)n, a,
                                                       (lapack_int)n, s, u, (lapack_int)k, vt, (lapack_int)n) == 0;

    int64_t rank = 0;
    while (good && rank < k && s[rank] > 1e-15 * (double)(m > n ? m : n) * s[0])
        rank++;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t l = 0; l < rank; l++)
            row[l] = vt[l * n + i] / s[l];
        for (int64_t j = 0; j < m; j++)
            out[i * m + j] = good ? (real)dot(row, u + j * k, rank) : (real)NAN;
    }
    free(row);
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
