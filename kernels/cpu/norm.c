/* norm.c - batch-norm of rows [rows][cols] by the statistics of the batch, and
 * its gradient. Assumes channels last: a statistic is a sum down a column. */
#include <math.h>

#include "device.h"
#include "fold.h"
#include "lanes.h"
#include "parallel.h"

enum { GRAIN = 16384, TILE = 256, SAMPLE = 16 };

/* y = rate (x - mean) + shift, or the gradient: dx = rate (dy - shift - slope (x - mean)).
 * The vectors are as long as a row, or as several short rows: `width`. */
typedef struct rescale {
    float *y;
    const float *x, *dy, *mean, *rate, *shift, *slope;
    int64_t width, total;
} rescale;

CPU_CLONES static void norm_rows(void *ctx, int64_t first, int64_t last)
{
    const rescale *w = ctx;
    for (int64_t r = first; r < last; r++) {
        int64_t at = r * w->width, n = w->total - at < w->width ? w->total - at : w->width;
        for (int64_t j = 0; j < n; j += LANES) {
            vec x, mean, rate, shift;
            vec_get(&x, w->x + at + j, n - j);
            vec_get(&mean, w->mean + j, n - j);
            vec_get(&rate, w->rate + j, n - j);
            vec_get(&shift, w->shift + j, n - j);
            x = (x - mean) * rate + shift;
            vec_put(w->y + at + j, &x, n - j);
        }
    }
}

CPU_CLONES static void norm_grad_rows(void *ctx, int64_t first, int64_t last)
{
    const rescale *w = ctx;
    for (int64_t r = first; r < last; r++) {
        int64_t at = r * w->width, n = w->total - at < w->width ? w->total - at : w->width;
        for (int64_t j = 0; j < n; j += LANES) {
            vec x, dy, mean, rate, shift, slope;
            vec_get(&x, w->x + at + j, n - j);
            vec_get(&dy, w->dy + at + j, n - j);
            vec_get(&mean, w->mean + j, n - j);
            vec_get(&rate, w->rate + j, n - j);
            vec_get(&shift, w->shift + j, n - j);
            vec_get(&slope, w->slope + j, n - j);
            x = rate * (dy - shift - slope * (x - mean));
            vec_put(w->y + at + j, &x, n - j);
        }
    }
}

/* Room for the four vectors, each `width` long, and their number of copies. */
static int64_t vectors(bk *b, int64_t cols, float *v[4])
{
    int64_t copies = cols < TILE ? TILE / cols : 1;
    v[0] = cpu_room(b, ROOM_W, (size_t)(4 * copies * cols) * sizeof(float));
    for (int i = 1; i < 4; i++)
        v[i] = v[0] + i * copies * cols;
    return copies;
}

static void repeat(float *const v[4], int64_t cols, int64_t copies)
{
    for (int i = 0; i < 4; i++)
        for (int64_t j = cols; j < copies * cols; j++)
            v[i][j] = v[i][j - cols];
}

/* About where each column lies: near enough that the sum of squares about it
 * loses nothing when the mean is taken out. */
static void sample(float *centre, const float *x, int64_t rows, int64_t cols)
{
    int64_t n = rows < SAMPLE ? rows : SAMPLE;
    for (int64_t j = 0; j < cols; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += x[i * cols + j];
        centre[j] = (float)(sum / (double)n);
    }
}

void cpu_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta, int64_t rows,
            int64_t cols, real eps)
{
    if (rows <= 0 || cols <= 0)
        return;
    float *v[4];
    int64_t copies = vectors(b, cols, v);
    sample(v[0], x, rows, cols);
    double *sum, *squares;
    fold_columns(b, &(fold_job){FOLD_MOMENTS, x, NULL, v[0], rows, cols}, &sum, &squares);
    for (int64_t j = 0; j < cols; j++) {
        double off = sum[j] / (double)rows, spread = squares[j] / (double)rows - off * off;
        spread = spread < 0 ? 0 : spread;
        mean[j] = (float)(v[0][j] + off);
        var[j] = (float)spread;
        v[0][j] = mean[j];
        v[1][j] = (float)(gamma[j] / sqrt(spread + (double)eps));
        v[2][j] = beta[j];
        v[3][j] = 0;
    }
    repeat(v, cols, copies);
    int64_t width = copies * cols;
    parallel((rows + copies - 1) / copies, GRAIN / width, norm_rows,
             &(rescale){y, x, NULL, v[0], v[1], v[2], NULL, width, rows * cols});
}

/* With h = (x - mean) r and r = 1 / sqrt(var + eps):
 * dx = (dy - dbeta / rows - h dgamma / rows) gamma r. */
void cpu_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x, const real *gamma,
                 const real *mean, const real *var, int64_t rows, int64_t cols, real eps)
{
    if (rows <= 0 || cols <= 0)
        return;
    double *sum, *moment;
    fold_columns(b, &(fold_job){FOLD_COSTS, x, dy, mean, rows, cols}, &sum, &moment);
    float *v[4];
    int64_t copies = vectors(b, cols, v);
    for (int64_t j = 0; j < cols; j++) {
        double r = 1 / sqrt((double)var[j] + (double)eps);
        dgamma[j] = (float)(moment[j] * r);
        dbeta[j] = (float)sum[j];
        v[0][j] = mean[j];
        v[1][j] = (float)(gamma[j] * r);
        v[2][j] = (float)(sum[j] / (double)rows);
        v[3][j] = (float)(moment[j] * r * r / (double)rows);
    }
    repeat(v, cols, copies);
    int64_t width = copies * cols;
    parallel((rows + copies - 1) / copies, GRAIN / width, norm_grad_rows,
             &(rescale){dx, x, dy, v[0], v[1], v[2], v[3], width, rows * cols});
}
