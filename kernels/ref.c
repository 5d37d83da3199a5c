/* ref.c - the reference backend: plain loops on the host, the judge of the
 * others. Sums are carried in double whatever `real` is, in a fixed order, by
 * one thread; every entry of backend.h is here but `nearest` and the plans,
 * which are only about speed. A NaN that an entry reads comes out of it. */
#include "backend.h"
#include "random.h"
#include "window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bk {
    const bk_host *host;
};

#define REQUIRE(b, claim, ...)                                                                                     \
    do {                                                                                                           \
        if (!(claim))                                                                                              \
            (b)->host->die(__FILE__, __LINE__, "ref: " __VA_ARGS__);                                               \
    } while (0)

/* The device. */

static bk *ref_open(const bk_host *host, int ordinal, unsigned flags, char *why, size_t cap)
{
    if (flags & BK_TF32) {
        snprintf(why, cap, "plain loops have no TF32: set precision to f32");
        return NULL;
    }
    bk *b = ordinal == 0 ? malloc(sizeof *b) : NULL;
    if (b)
        b->host = host;
    else
        snprintf(why, cap, ordinal == 0 ? "out of memory" : "there is one such device, and its number is 0");
    return b;
}

static void ref_close(bk *b)
{
    free(b);
}

static void ref_describe(bk *b, char *text, size_t cap)
{
    (void)b;
    snprintf(text, cap, "ref: plain loops, one thread, sums in double");
}

static void ref_memory(bk *b, size_t *unused, size_t *total)
{
    (void)b;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    *unused = (size_t)sysconf(_SC_AVPHYS_PAGES) * page;
    *total = (size_t)sysconf(_SC_PHYS_PAGES) * page;
}

static void *ref_alloc(bk *b, size_t bytes)
{
    (void)b;
    size_t line = 64;
    return bytes > SIZE_MAX - line ? NULL : aligned_alloc(line, (bytes + line - 1) / line * line);
}

static void ref_free(bk *b, void *p, size_t bytes)
{
    (void)b, (void)bytes;
    free(p);
}

static void ref_copy(bk *b, void *dst, const void *src, size_t bytes)
{
    (void)b;
    if (bytes)
        memmove(dst, src, bytes);
}

static void ref_sync(bk *b)
{
    (void)b; /* nothing is ever in flight */
}

/* Memory of one call; zeroed. */
static void *scratch(bk *b, int64_t n, size_t size)
{
    size_t bytes = (size_t)n * size;
    void *p = ref_alloc(b, bytes);
    if (!p && b->host->out_of_memory)
        b->host->out_of_memory(bytes);
    REQUIRE(b, p, "no memory for %zu bytes of scratch", bytes);
    return memset(p, 0, bytes);
}

/* Elementwise. */

static void ref_fill(bk *b, real *y, int64_t n, real value)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = value;
}

static void ref_affine(bk *b, real *y, const real *x, int64_t n, real scale, real shift)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = (real)((double)scale * x[i] + shift);
}

static void ref_axpy(bk *b, real *y, const real *x, int64_t n, real scale)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = (real)(y[i] + (double)scale * x[i]);
}

static double map_one(enum bk_map op, double x)
{
    return op == BK_NEG     ? -x
           : op == BK_ABS   ? fabs(x)
           : op == BK_SIGN  ? (x > 0   ? 1
                               : x < 0 ? -1
                                       : x)
           : op == BK_EXP   ? exp(x)
           : op == BK_LOG   ? log(x)
           : op == BK_SQRT  ? sqrt(x)
           : op == BK_RECIP ? 1 / x
                            : x * x;
}

static void ref_map(bk *b, enum bk_map op, real *y, const real *x, int64_t n)
{
    REQUIRE(b, op >= BK_NEG && op <= BK_SQUARE, "map: no operation %d", (int)op);
    for (int64_t i = 0; i < n; i++)
        y[i] = (real)map_one(op, x[i]);
}

static void ref_clamp(bk *b, real *y, const real *x, int64_t n, real lo, real hi)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] < lo ? lo : x[i] > hi ? hi : x[i];
}

/* The comparison alone would turn a NaN into 0. */
static void ref_within(bk *b, real *y, const real *v, const real *r, int64_t n, real lo, real hi)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = isnan(v[i]) || isnan(r[i]) ? (real)NAN : lo < r[i] && r[i] < hi ? v[i] : 0;
}

/* Vector meets array. */

static double zip_one(enum bk_zip op, double a, double v)
{
    return op == BK_ADD ? a + v : op == BK_SUB ? a - v : op == BK_MUL ? a * v : a / v;
}

static void ref_zip(bk *b, enum bk_zip op, real *y, const real *a, const real *v, int64_t outer, int64_t mid,
                    int64_t inner)
{
    REQUIRE(b, op >= BK_ADD && op <= BK_DIV, "zip: no operation %d", (int)op);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t m = 0; m < mid; m++)
            for (int64_t i = 0; i < inner; i++, y++, a++)
                *y = (real)zip_one(op, *a, v[m]);
}

static void ref_spread(bk *b, real *y, const real *v, int64_t outer, int64_t mid, int64_t inner)
{
    (void)b;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t m = 0; m < mid; m++)
            for (int64_t i = 0; i < inner; i++)
                *y++ = v[m];
}

static double larger_or_nan(double a, double x)
{
    return isnan(a) || x <= a ? a : x;
}

static void ref_fold(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner)
{
    REQUIRE(b, op == BK_SUM || op == BK_MAX, "fold: no operation %d", (int)op);
    if (outer == 0 || inner == 0)
        return;
    for (int64_t m = 0; m < mid; m++) {
        double f = op == BK_SUM ? 0 : -INFINITY;
        for (int64_t o = 0; o < outer; o++)
            for (int64_t i = 0; i < inner; i++) {
                double x = a[(o * mid + m) * inner + i];
                f = op == BK_SUM ? f + x : larger_or_nan(f, x);
            }
        v[m] = (real)f;
    }
}

static void ref_copy_cols(bk *b, real *y, int64_t ycols, int64_t yfirst, const real *x, int64_t xcols,
                          int64_t xfirst, int64_t rows, int64_t cols)
{
    REQUIRE(b, yfirst >= 0 && yfirst + cols <= ycols && xfirst >= 0 && xfirst + cols <= xcols,
            "copy_cols: %lld columns from %lld of %lld to %lld of %lld", (long long)cols, (long long)xfirst,
            (long long)xcols, (long long)yfirst, (long long)ycols);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            y[i * ycols + yfirst + j] = x[i * xcols + xfirst + j];
}

/* By rows. */

static double row_lse(const real *x, int64_t n)
{
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++)
        top = larger_or_nan(top, x[j]);
    if (!isfinite(top))
        return top;
    for (int64_t j = 0; j < n; j++)
        sum += exp(x[j] - top);
    return top + log(sum);
}

static void ref_lse(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    (void)b;
    for (int64_t i = 0; i < rows && cols > 0; i++)
        y[i] = (real)row_lse(x + i * cols, cols);
}

/* Whether (x, i) stands before (y, j): larger first, NaN before all, and the
 * lower index where that does not decide. */
static int stands_before(real x, int32_t i, real y, int32_t j)
{
    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y) ? i < j : isnan(x);
    return x > y || (x == y && i < j);
}

static void exchange(real *y, int32_t *at, int64_t i, int64_t j)
{
    real v = y[i];
    int32_t a = at[i];
    y[i] = y[j], at[i] = at[j];
    y[j] = v, at[j] = a;
}

/* A heap of k with the one that stands last on top; node n's children are
 * 2n+1 and 2n+2. */
static void sift(real *y, int32_t *at, int64_t n, int64_t k)
{
    for (int64_t c; (c = 2 * n + 1) < k; n = c) {
        if (c + 1 < k && stands_before(y[c], at[c], y[c + 1], at[c + 1]))
            c++;
        if (!stands_before(y[n], at[n], y[c], at[c]))
            return;
        exchange(y, at, n, c);
    }
}

static void row_topk(real *y, int32_t *at, const real *x, int64_t cols, int64_t k)
{
    for (int64_t j = 0; j < k; j++)
        y[j] = x[j], at[j] = (int32_t)j;
    for (int64_t n = k / 2; n-- > 0;)
        sift(y, at, n, k);
    for (int64_t j = k; j < cols; j++)
        if (stands_before(x[j], (int32_t)j, y[0], at[0])) {
            y[0] = x[j], at[0] = (int32_t)j;
            sift(y, at, 0, k);
        }
    for (int64_t last = k - 1; last > 0; last--) {
        exchange(y, at, 0, last);
        sift(y, at, 0, last);
    }
}

static void ref_topk(bk *b, real *y, int32_t *at, const real *x, int64_t rows, int64_t cols, int64_t k)
{
    REQUIRE(b, k <= cols, "topk: %lld of %lld columns", (long long)k, (long long)cols);
    for (int64_t i = 0; i < rows && k > 0; i++)
        row_topk(y + i * k, at + i * k, x + i * cols, cols, k);
}

static int64_t checked(bk *b, int32_t i, int64_t n, const char *op)
{
    REQUIRE(b, i >= 0 && i < n, "%s: index %d of %lld", op, (int)i, (long long)n);
    return i;
}

static void ref_pick(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    for (int64_t i = 0; i < rows && cols > 0; i++)
        for (int64_t j = 0; j < k; j++)
            y[i * k + j] = x[i * cols + checked(b, at[i * k + j], cols, "pick")];
}

/* x = 0, then every value is added where its index points; `width` reals move
 * together. Sums in double, as everywhere. */
static void scatter(bk *b, real *x, const real *y, const int32_t *at, int64_t slots, int64_t k, int64_t width,
                    const char *op)
{
    double *sum = scratch(b, slots * width, sizeof *sum);
    for (int64_t j = 0; j < k; j++) {
        int64_t slot = checked(b, at[j], slots, op);
        for (int64_t c = 0; c < width; c++)
            sum[slot * width + c] += y[j * width + c];
    }
    for (int64_t j = 0; j < slots * width; j++)
        x[j] = (real)sum[j];
    free(sum);
}

static void ref_place(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    for (int64_t i = 0; i < rows && cols > 0 && k > 0; i++)
        scatter(b, x + i * cols, y + i * k, at + i * k, cols, k, 1, "place");
}

static void ref_take_rows(bk *b, real *y, const real *x, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    for (int64_t j = 0; j < k && rows > 0 && cols > 0; j++)
        memcpy(y + j * cols, x + checked(b, at[j], rows, "take_rows") * cols, (size_t)cols * sizeof *y);
}

static void ref_put_rows(bk *b, real *x, const real *y, const int32_t *at, int64_t rows, int64_t cols, int64_t k)
{
    if (rows > 0 && cols > 0 && k > 0)
        scatter(b, x, y, at, rows, k, cols, "put_rows");
}

/* Products. Eight columns of the result are summed side by side: each is still
 * one sum in order, in double, but a whole test set passes in minutes. A panel
 * holds the right factor for them: [depth][LANES], zeros behind the last. */

enum { LANES = 8 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static int64_t panels(int64_t n)
{
    return (n + LANES - 1) / LANES;
}

/* dst[panel][d][lane] = w[n * dn + d * dd], where n counts through the panels. */
static void pack(lanes *dst, int64_t stride, const real *w, int64_t n, int64_t dn, int64_t depth, int64_t dd)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t d = 0; d < depth; d++)
            dst[i / LANES * stride + d][i % LANES] = w[i * dn + d * dd];
}

static void accumulate(lanes *sum, const real *x, int64_t dx, const lanes *panel, int64_t depth)
{
    lanes s = *sum;
    for (int64_t d = 0; d < depth; d++)
        s += (double)x[d * dx] * panel[d];
    *sum = s;
}

static void ref_gemm(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb,
                     real beta, real *c)
{
    if (m == 0 || n == 0 || k == 0)
        return;
    lanes *packed = scratch(b, panels(n) * k, sizeof *packed);
    pack(packed, k, bb, n, tb ? k : 1, k, tb ? 1 : n);
    for (int64_t i = 0; i < m; i++)
        for (int64_t p = 0; p < panels(n); p++) {
            lanes sum = {0};
            accumulate(&sum, ta ? a + i : a + i * k, ta ? m : 1, packed + p * k, k);
            for (int64_t j = p * LANES; j < n && j < (p + 1) * LANES; j++) {
                real *at = c + i * n + j;
                *at = (real)(sum[j % LANES] + (beta != 0 ? (double)beta * *at : 0));
            }
        }
    free(packed);
}

/* Whether there is anything to do; the extents must belong together. */
static int sound(bk *b, const bk_window *g, const char *op)
{
    if (window_empty(g))
        return 0;
    REQUIRE(b, window_fits(g), "%s: %lldx%lld by %dx%d stride %d pad %d does not give %lldx%lld", op,
            (long long)g->h, (long long)g->w, g->r, g->s, g->stride, g->pad, (long long)g->p, (long long)g->q);
    return 1;
}

/* The input row (column) that output p (q) sees through row r (column s) of
 * the window, or -1 in the padding. */
static int64_t seen(int64_t out, int64_t tap, const bk_window *g, int64_t extent)
{
    int64_t in = out * g->stride - g->pad + tap;
    return in >= 0 && in < extent ? in : -1;
}

/* The output that sees input row `in` through `tap`, or -1 when none does. */
static int64_t seen_by(int64_t in, int64_t tap, const bk_window *g, int64_t extent)
{
    int64_t far = in + g->pad - tap;
    return far >= 0 && far % g->stride == 0 && far / g->stride < extent ? far / g->stride : -1;
}

static void store(real *y, const lanes *sum, int64_t panel, int64_t n)
{
    for (int64_t j = panel * LANES; j < n && j < (panel + 1) * LANES; j++)
        y[j] = (real)(*sum)[j % LANES];
}

static void conv_y_pixel(const bk_window *g, real *y, const real *image, const lanes *packed, int64_t p, int64_t q)
{
    for (int64_t panel = 0; panel < panels(g->k); panel++) {
        lanes sum = {0};
        for (int64_t r = 0; r < g->r; r++)
            for (int64_t s = 0; s < g->s; s++) {
                int64_t i = seen(p, r, g, g->h), j = seen(q, s, g, g->w);
                if (i >= 0 && j >= 0)
                    accumulate(&sum, image + (i * g->w + j) * g->c, 1,
                               packed + ((panel * g->r + r) * g->s + s) * g->c, g->c);
            }
        store(y, &sum, panel, g->k);
    }
}

static void ref_conv_y(bk *b, const bk_window *g, real *y, const real *x, const real *w)
{
    if (!sound(b, g, "conv_y"))
        return;
    int64_t depth = (int64_t)g->r * g->s * g->c;
    lanes *packed = scratch(b, panels(g->k) * depth, sizeof *packed);
    pack(packed, depth, w, g->k, depth, depth, 1);
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t p = 0; p < g->p; p++)
            for (int64_t q = 0; q < g->q; q++, y += g->k)
                conv_y_pixel(g, y, x + n * g->h * g->w * g->c, packed, p, q);
    free(packed);
}

static void conv_x_pixel(const bk_window *g, real *x, const real *image, const lanes *packed, int64_t h, int64_t w)
{
    for (int64_t panel = 0; panel < panels(g->c); panel++) {
        lanes sum = {0};
        for (int64_t r = 0; r < g->r; r++)
            for (int64_t s = 0; s < g->s; s++) {
                int64_t p = seen_by(h, r, g, g->p), q = seen_by(w, s, g, g->q);
                if (p >= 0 && q >= 0)
                    accumulate(&sum, image + (p * g->q + q) * g->k, 1,
                               packed + ((panel * g->r + r) * g->s + s) * g->k, g->k);
            }
        store(x, &sum, panel, g->c);
    }
}

static void ref_conv_x(bk *b, const bk_window *g, real *x, const real *y, const real *w)
{
    if (!sound(b, g, "conv_x"))
        return;
    int64_t taps = (int64_t)g->r * g->s, stride = taps * g->k;
    lanes *packed = scratch(b, panels(g->c) * stride, sizeof *packed);
    for (int64_t t = 0; t < taps; t++)
        pack(packed + t * g->k, stride, w + t * g->c, g->c, 1, g->k, taps * g->c);
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t i = 0; i < g->h; i++)
            for (int64_t j = 0; j < g->w; j++, x += g->c)
                conv_x_pixel(g, x, y + n * g->p * g->q * g->k, packed, i, j);
    free(packed);
}

/* What one output pixel adds to the gradient of the filters. */
static void conv_w_pixel(const bk_window *g, double *sum, const real *image, const real *y, int64_t p, int64_t q)
{
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s++) {
            int64_t i = seen(p, r, g, g->h), j = seen(q, s, g, g->w);
            if (i < 0 || j < 0)
                continue;
            const real *x = image + (i * g->w + j) * g->c;
            for (int64_t k = 0; k < g->k; k++) {
                double *at = sum + ((k * g->r + r) * g->s + s) * g->c;
                for (int64_t c = 0; c < g->c; c++)
                    at[c] += (double)y[k] * x[c];
            }
        }
}

static void ref_conv_w(bk *b, const bk_window *g, real *w, const real *x, const real *y)
{
    if (!sound(b, g, "conv_w"))
        return;
    int64_t count = g->k * g->r * g->s * g->c;
    double *sum = scratch(b, count, sizeof *sum);
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t p = 0; p < g->p; p++)
            for (int64_t q = 0; q < g->q; q++, y += g->k)
                conv_w_pixel(g, sum, x + n * g->h * g->w * g->c, y, p, q);
    for (int64_t i = 0; i < count; i++)
        w[i] = (real)sum[i];
    free(sum);
}

/* Pooling. */

/* With a padding smaller than the window every window has a pixel in it. */
static int pools(bk *b, const bk_window *g, const char *op)
{
    REQUIRE(b, g->k == g->c && g->pad < g->r && g->pad < g->s, "%s: %lld channels to %lld, window %dx%d, pad %d",
            op, (long long)g->c, (long long)g->k, g->r, g->s, g->pad);
    return sound(b, g, op);
}

/* The largest value of one window; of equal ones the first by index. */
static void pool_max_one(const bk_window *g, real *y, int32_t *at, const real *image, int64_t p, int64_t q,
                         int64_t c)
{
    int64_t best = -1;
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s++) {
            int64_t i = seen(p, r, g, g->h), j = seen(q, s, g, g->w), here = (i * g->w + j) * g->c + c;
            if (i < 0 || j < 0)
                continue;
            if (best < 0 || image[here] > image[best] || (isnan(image[here]) && !isnan(image[best])))
                best = here;
        }
    *y = image[best];
    *at = (int32_t)best;
}

static void ref_pool_max(bk *b, const bk_window *g, real *y, int32_t *at, const real *x)
{
    if (!pools(b, g, "pool_max"))
        return;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t p = 0; p < g->p; p++)
            for (int64_t q = 0; q < g->q; q++)
                for (int64_t c = 0; c < g->c; c++)
                    pool_max_one(g, y++, at++, x + n * g->h * g->w * g->c, p, q, c);
}

static void ref_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *at)
{
    if (!pools(b, g, "pool_max_t"))
        return;
    int64_t in = g->h * g->w * g->c, out = g->p * g->q * g->c;
    for (int64_t n = 0; n < g->n; n++)
        scatter(b, x + n * in, y + n * out, at + n * out, in, out, 1, "pool_max_t");
}

static void ref_pool_avg(bk *b, const bk_window *g, real *y, const real *x)
{
    if (!pools(b, g, "pool_avg"))
        return;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t p = 0; p < g->p; p++)
            for (int64_t q = 0; q < g->q; q++)
                for (int64_t c = 0; c < g->c; c++) {
                    double sum = 0;
                    for (int64_t r = 0; r < g->r; r++)
                        for (int64_t s = 0; s < g->s; s++) {
                            int64_t i = seen(p, r, g, g->h), j = seen(q, s, g, g->w);
                            sum += i < 0 || j < 0 ? 0 : x[((n * g->h + i) * g->w + j) * g->c + c];
                        }
                    *y++ = (real)(sum / ((double)g->r * g->s));
                }
}

static void ref_pool_avg_t(bk *b, const bk_window *g, real *x, const real *y)
{
    if (!pools(b, g, "pool_avg_t"))
        return;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t i = 0; i < g->h; i++)
            for (int64_t j = 0; j < g->w; j++)
                for (int64_t c = 0; c < g->c; c++) {
                    double sum = 0;
                    for (int64_t r = 0; r < g->r; r++)
                        for (int64_t s = 0; s < g->s; s++) {
                            int64_t p = seen_by(i, r, g, g->p), q = seen_by(j, s, g, g->q);
                            sum += p < 0 || q < 0 ? 0 : y[((n * g->p + p) * g->q + q) * g->c + c];
                        }
                    *x++ = (real)(sum / ((double)g->r * g->s));
                }
}

/* Data and randomness. */

/* One image of h x w x c bytes, shifted and mirrored; returns where x ends. */
static real *one_image(real *x, const uint8_t *px, const int32_t move[3], int64_t h, int64_t w, int64_t c,
                       const real *mean, const real *dev)
{
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++) {
            int64_t from_i = i - move[0], from_j = (move[2] ? w - 1 - j : j) - move[1];
            int inside = from_i >= 0 && from_i < h && from_j >= 0 && from_j < w;
            const uint8_t *pixel = inside ? px + (from_i * w + from_j) * c : NULL;
            for (int64_t k = 0; k < c; k++)
                *x++ = (real)(((pixel ? pixel[k] / 255.0 : 0) - mean[k]) / dev[k]);
        }
    return x;
}

static void ref_images(bk *b, real *x, const uint8_t *px, const int32_t *dy_dx_flip, int64_t n, int64_t h,
                       int64_t w, int64_t c, const real *mean, const real *dev)
{
    (void)b;
    const int32_t still[3] = {0, 0, 0};
    for (int64_t a = 0; a < n; a++)
        x = one_image(x, px + a * h * w * c, dy_dx_flip ? dy_dx_flip + 3 * a : still, h, w, c, mean, dev);
}

static void ref_cut(bk *b, real *x, const uint8_t *store, int64_t stored, const int32_t *at_dy_dx_flip, int64_t n,
                    int64_t h, int64_t w, int64_t c, const real *mean, const real *dev)
{
    for (int64_t a = 0; a < n && h > 0 && w > 0 && c > 0; a++, at_dy_dx_flip += 4)
        x = one_image(x, store + checked(b, at_dy_dx_flip[0], stored, "cut") * h * w * c, at_dy_dx_flip + 1, h, w,
                      c, mean, dev);
}

static void ref_uniform(bk *b, real *y, int64_t n, uint64_t seed)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = random_uniform(seed, (uint64_t)i);
}

static void ref_normal(bk *b, real *y, int64_t n, uint64_t seed)
{
    (void)b;
    for (int64_t i = 0; i < n; i++)
        y[i] = random_normal(seed, (uint64_t)i);
}

/* What other backends have as fast paths; here they are just more loops. */

static void ref_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta,
                   int64_t rows, int64_t cols, real eps)
{
    (void)b;
    for (int64_t j = 0; j < cols && rows > 0; j++) {
        double m = 0, v = 0;
        for (int64_t i = 0; i < rows; i++)
            m += x[i * cols + j];
        m /= (double)rows;
        for (int64_t i = 0; i < rows; i++)
            v += (x[i * cols + j] - m) * (x[i * cols + j] - m);
        v /= (double)rows;
        double scale = gamma[j] / sqrt(v + eps);
        for (int64_t i = 0; i < rows; i++)
            y[i * cols + j] = (real)((x[i * cols + j] - m) * scale + beta[j]);
        mean[j] = (real)m;
        var[j] = (real)v;
    }
}

/* With h = (x - mean) r and r = 1 / sqrt(var + eps):
 * dx = (dy - dbeta / rows - h dgamma / rows) gamma r. */
static void ref_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x,
                        const real *gamma, const real *mean, const real *var, int64_t rows, int64_t cols, real eps)
{
    (void)b;
    for (int64_t j = 0; j < cols && rows > 0; j++) {
        double r = 1 / sqrt((double)var[j] + eps), dc = 0, db = 0;
        for (int64_t i = 0; i < rows; i++) {
            dc += dy[i * cols + j] * ((double)x[i * cols + j] - mean[j]) * r;
            db += dy[i * cols + j];
        }
        for (int64_t i = 0; i < rows; i++) {
            double h = ((double)x[i * cols + j] - mean[j]) * r;
            dx[i * cols + j] =
                (real)((dy[i * cols + j] - db / (double)rows - h * dc / (double)rows) * gamma[j] * r);
        }
        dgamma[j] = (real)dc;
        dbeta[j] = (real)db;
    }
}

static void ref_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++) {
        double lse = row_lse(x + i * cols, cols);
        for (int64_t j = 0; j < cols; j++)
            y[i * cols + j] = (real)(x[i * cols + j] - lse);
    }
}

static void ref_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < cols; j++)
            sum += dy[i * cols + j];
        for (int64_t j = 0; j < cols; j++)
            dx[i * cols + j] = (real)(dy[i * cols + j] - exp(y[i * cols + j]) * sum);
    }
}

/* The recipe of PyTorch: decay joins the gradient before the velocity does. */
static void ref_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum,
                    real decay, int nesterov)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) {
        double g = grad[i] + (double)decay * w[i], v = (double)momentum * velocity[i] + g;
        w[i] = (real)(w[i] - rate * (nesterov ? g + momentum * v : v));
        velocity[i] = (real)v;
    }
}

#define E(name) .name = ref_##name
// clang-format off
static const bk_api ref = {
    .abi = BK_ABI, .size = sizeof(bk_api), .real_bytes = sizeof(real), .name = "ref",
    E(open), E(close), E(describe), E(memory), E(alloc), E(free), .write = ref_copy, .read = ref_copy, E(copy), E(sync),
    E(fill), E(affine), E(axpy), E(map), E(clamp), E(within), E(zip), E(spread), E(fold), E(copy_cols),
    E(lse), E(topk), E(pick), E(place), E(take_rows), E(put_rows), E(gemm), E(conv_y), E(conv_x), E(conv_w),
    E(pool_max), E(pool_avg), E(pool_avg_t), E(images), E(uniform), E(normal), E(cut),
    E(bn), E(bn_grad), E(log_softmax), E(log_softmax_grad), E(pool_max_t), E(sgd),
};
// clang-format on

const bk_api *bk_query(uint32_t abi, uint32_t size)
{
    return abi == BK_ABI && size == sizeof(bk_api) ? &ref : NULL;
}
