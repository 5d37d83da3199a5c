/* rows.c - by rows of a matrix: log-sum-exp and log-softmax, and movements of
 * columns, of elements by index and of whole rows. */
#include <math.h>

#include "device.h"
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 16384, RUN = 16 * LANES };

static int64_t rows_worth(int64_t cols)
{
    return GRAIN / (cols + 1) + 1;
}

/* --- exponentials --- */

typedef struct softmax {
    float *y;
    const float *x, *dy;
    int64_t cols;
} softmax;

/* As in fold.c: short runs in float, their sums in double. */
CPU_INLINE double sum_exp(const float *x, int64_t n, float top)
{
    double sum = 0;
    for (int64_t run = 0; run < n; run += RUN) {
        vec s = {0};
        for (int64_t i = run; i < n && i < run + RUN; i += LANES) {
            vec v = VEC_ALL(-INFINITY);
            if (n - i >= LANES)
                v = VEC_AT(x + i) - top;
            else
                for (int64_t j = i; j < n; j++)
                    v[j - i] = x[j] - top;
            vec_exp(&v);
            s += v;
        }
        sum += vec_sum(&s);
    }
    return sum;
}

CPU_INLINE double row_lse(const float *x, int64_t n)
{
    vec most = VEC_ALL(*x), v;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        v = VEC_AT(x + i);
        most = VEC_MAX(most, v);
    }
    float top = vec_max(&most);
    for (; i < n; i++)
        top = x[i] > top || x[i] != x[i] ? x[i] : top;
    return isfinite(top) ? (double)top + log(sum_exp(x, n, top)) : (double)top;
}

CPU_CLONES static void lse_rows(void *ctx, int64_t first, int64_t last)
{
    const softmax *w = ctx;
    for (int64_t r = first; r < last; r++)
        w->y[r] = (float)row_lse(w->x + r * w->cols, w->cols);
}

void cpu_lse(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    (void)b;
    if (cols > 0)
        parallel(rows, rows_worth(cols), lse_rows, &(softmax){y, x, NULL, cols});
}

CPU_CLONES static void log_softmax_rows(void *ctx, int64_t first, int64_t last)
{
    const softmax *w = ctx;
    for (int64_t r = first; r < last; r++) {
        const float *x = w->x + r * w->cols;
        float *y = w->y + r * w->cols;
        double lse = row_lse(x, w->cols);
        for (int64_t j = 0; j < w->cols; j++)
            y[j] = (float)((double)x[j] - lse);
    }
}

void cpu_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    (void)b;
    if (cols > 0)
        parallel(rows, rows_worth(cols), log_softmax_rows, &(softmax){y, x, NULL, cols});
}

/* dx = dy - exp(y) sum(dy). */
CPU_CLONES static void log_softmax_grad_rows(void *ctx, int64_t first, int64_t last)
{
    const softmax *w = ctx;
    for (int64_t r = first; r < last; r++) {
        const float *y = w->x + r * w->cols, *dy = w->dy + r * w->cols;
        float *dx = w->y + r * w->cols;
        double sum = 0;
        for (int64_t j = 0; j < w->cols; j++)
            sum += (double)dy[j];
        for (int64_t j = 0; j < w->cols; j += LANES) {
            vec v, g;
            vec_get(&v, y + j, w->cols - j);
            vec_get(&g, dy + j, w->cols - j);
            vec_exp(&v);
            g = g - v * (float)sum;
            vec_put(dx + j, &g, w->cols - j);
        }
    }
}

void cpu_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols)
{
    (void)b;
    if (cols > 0)
        parallel(rows, rows_worth(cols), log_softmax_grad_rows, &(softmax){dx, y, dy, cols});
}

/* --- movements --- */

typedef struct move {
    bk *b;
    float *to;
    const float *from;
    const int32_t *at;
    int64_t rows, cols, k;  /* k indices: per row, or of rows */
    int64_t to_cols, width; /* copy_cols: extents of `to`, and how many columns move */
} move;

static void copy_cols_rows(void *ctx, int64_t first, int64_t last)
{
    const move *m = ctx;
    for (int64_t r = first; r < last; r++)
        memcpy(m->to + r * m->to_cols, m->from + r * m->cols, (size_t)m->width * sizeof(float));
}

void cpu_copy_cols(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols, int64_t xfirst,
                   int64_t rows, int64_t cols)
{
    if (yfirst < 0 || yfirst + cols > ycols || xfirst < 0 || xfirst + cols > xcols)
        CPU_DIE(b, "copy_cols: %lld columns from %lld of %lld to %lld of %lld", (long long)cols, (long long)xfirst,
                (long long)xcols, (long long)yfirst, (long long)ycols);
    if (cols > 0)
        parallel(rows, rows_worth(cols), copy_cols_rows,
                 &(move){.to = y + yfirst, .from = x + xfirst, .cols = xcols, .to_cols = ycols, .width = cols});
}

static void pick_rows(void *ctx, int64_t first, int64_t last)
{
    const move *m = ctx;
    for (int64_t r = first; r < last; r++)
        for (int64_t j = r * m->k; j < (r + 1) * m->k; j++)
            m->to[j] = m->from[r * m->cols + cpu_checked(m->b, m->at[j], m->cols, "pick")];
}

void cpu_pick(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    if (cols > 0 && k > 0)
        parallel(rows, rows_worth(k), pick_rows, &(move){b, y, x, at, rows, cols, k, 0, 0});
}

static void place_rows(void *ctx, int64_t first, int64_t last)
{
    const move *m = ctx;
    for (int64_t r = first; r < last; r++) {
        float *to = m->to + r * m->cols;
        memset(to, 0, (size_t)m->cols * sizeof *to);
        for (int64_t j = r * m->k; j < (r + 1) * m->k; j++)
            to[cpu_checked(m->b, m->at[j], m->cols, "place")] += m->from[j];
    }
}

void cpu_place(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    if (cols > 0 && k > 0)
        parallel(rows, rows_worth(cols + k), place_rows, &(move){b, x, y, at, rows, cols, k, 0, 0});
}

static void take_range(void *ctx, int64_t first, int64_t last)
{
    const move *m = ctx;
    for (int64_t j = first; j < last; j++)
        memcpy(m->to + j * m->cols, m->from + cpu_checked(m->b, m->at[j], m->rows, "take_rows") * m->cols,
               (size_t)m->cols * sizeof(float));
}

void cpu_take_rows(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    if (rows > 0 && cols > 0)
        parallel(k, rows_worth(cols), take_range, &(move){b, y, x, at, rows, cols, k, 0, 0});
}

/* Rows may repeat, so threads share out the columns, not the rows. */
static void put_columns(void *ctx, int64_t first, int64_t last)
{
    const move *m = ctx;
    for (int64_t r = 0; r < m->rows; r++)
        memset(m->to + r * m->cols + first, 0, (size_t)(last - first) * sizeof(float));
    for (int64_t j = 0; j < m->k; j++) {
        float *to = m->to + cpu_checked(m->b, m->at[j], m->rows, "put_rows") * m->cols;
        const float *from = m->from + j * m->cols;
        for (int64_t c = first; c < last; c++)
            to[c] += from[c];
    }
}

void cpu_put_rows(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    int64_t least = GRAIN / (rows + k + 1);
    if (rows > 0 && k > 0)
        parallel(cols, least < LANES ? LANES : least, put_columns, &(move){b, x, y, at, rows, cols, k, 0, 0});
}
