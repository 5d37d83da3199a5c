/* screen.c - a search of a bank of bytes: the bank's rounding, the queries', and
 * for each query the rows that its bar has let through. Assumes round-to-nearest
 * and floats that are not flushed to zero. */
#include "screen.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "bytes.h"
#include "choice.h"
#include "lanes.h"
#include "parallel.h"

enum { QUAD = 4, SAMPLE = 256 /* rows */, FEWEST = 1024 /* rows of a bank */ };
enum { SHARE = 16, MOST = 8192 }; /* of the rows seen may be in question, beside some for each of the k */
enum { KEYS = 1 << 21, CACHED = 1 << 17 /* bytes of queries */ }; /* per thread */

/* How the products of a query may differ from bytes', in units of its scale: the
 * margin is by[0] lost + by[1] size + by[2] full + by[3] of a panel. */
typedef struct sieve {
    uint64_t *key, top; /* as in choice.h, of lower ends and rows; the largest */
    int64_t n, look;    /* keys; sifted when there are so many */
    float widest;       /* the largest margin of a panel that could be rounded */
    float bar;          /* the k-th largest lower end so far */
    int left;           /* given up */
    float by[4], by_low, by_sum;
    double scale, shift; /* product = scale * that of bytes + shift */
} sieve;

typedef struct screen {
    const bytes_kernels *kernel;
    const float *a, *c;
    float *y;
    int32_t *at;
    int64_t m, n, d, k, quads, panels, step;
    float *centre, *stretch, *shrink; /* [d]; shrink = 1 / stretch */
    float *scale, *low, *sum;         /* [panels * BYTES_COLS] */
    float *lost, *size, *full;        /* of each panel, the largest */
    float most_lost, widest, longest; /* of them all, but for what could not be rounded */
    uint8_t *bytes;
    /* This wave: queries from q, `rows` of them by blocks. */
    int64_t q, rows;
    sieve *open;
    int8_t *asked;
} screen;

int screen_suits(int64_t n, int64_t d, int64_t k)
{
    return n >= FEWEST && k <= n / SHARE && d >= QUAD && d <= BYTES_WIDEST && bytes_of_processor();
}

/* --- the bank --- */

/* Where a column of the bank lies and how far to stretch it. A query resembles
 * the bank's rows; a column that hardly varies for its size would spend the
 * query's eight bits on products that are all but equal. Powers of two, so that
 * stretching rounds nothing. What a few rows say will do: the margins hold for
 * whatever centre and stretch. */
static void survey(const screen *s, float *spread, float *height)
{
    int64_t rows = s->n < SAMPLE ? s->n : SAMPLE;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < s->d; j++) /* exact where all are equal */
            s->centre[j] += (s->c[i * s->n / rows * s->d + j] - s->centre[j]) / (float)(i + 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < s->d; j++) {
            float y = s->c[i * s->n / rows * s->d + j];
            spread[j] += fabsf(y - s->centre[j]);
            height[j] += fabsf(y);
        }
    for (int64_t j = 0; j < s->d; j++) {
        float ratio = spread[j] / height[j];
        s->stretch[j] = 1;
        if (!(fabsf(s->centre[j]) < INFINITY))
            s->centre[j] = 0;
        else if (height[j] > 0 && ratio < 1)
            s->stretch[j] = ldexpf(1, (int)rintf(-0.5f * log2f(ratio > 0x1p-40f ? ratio : 0x1p-40f)));
        s->shrink[j] = 1 / s->stretch[j];
    }
}

static void pack_panels(void *ctx, int64_t first, int64_t last)
{
    const screen *s = ctx;
    for (int64_t p = first; p < last; p++) {
        uint8_t *to = s->bytes + p * BYTES_COLS * s->quads * QUAD;
        s->lost[p] = s->size[p] = s->full[p] = 0;
        for (int64_t i = 0; i < BYTES_COLS; i++) {
            int64_t row = p * BYTES_COLS + i;
            s->scale[row] = s->low[row] = s->sum[row] = NAN;
            if (row >= s->n)
                continue;
            bytes_row r = s->kernel->pack(to + i * QUAD, s->c + row * s->d, s->centre, s->stretch, s->d);
            s->scale[row] = r.scale;
            s->low[row] = r.low;
            s->sum[row] = r.sum;
            s->lost[p] = fmaxf(s->lost[p], r.lost);
            if (r.lost == INFINITY)
                continue;
            s->size[p] = fmaxf(s->size[p], r.size);
            s->full[p] = fmaxf(s->full[p], r.full);
        }
    }
}

static void pack_bank(bk *b, screen *s)
{
    int64_t rows = s->panels * BYTES_COLS, of_columns = 5 * s->d, of_panels = 3 * s->panels;
    float *room = cpu_room(b, ROOM_SUMS, (size_t)(3 * rows + of_columns + of_panels) * sizeof *room);
    s->scale = room;
    s->low = s->scale + rows;
    s->sum = s->low + rows;
    s->lost = s->sum + rows;
    s->size = s->lost + s->panels;
    s->full = s->size + s->panels;
    s->centre = s->full + s->panels;
    s->stretch = s->centre + s->d;
    s->shrink = s->stretch + s->d;
    memset(s->centre, 0, (size_t)of_columns * sizeof *room);
    survey(s, s->shrink + s->d, s->shrink + 2 * s->d);
    s->bytes = cpu_room(b, ROOM_W, (size_t)(rows * s->quads * QUAD));
    parallel(s->panels, 1, pack_panels, s);
    for (int64_t p = 0; p < s->panels; p++) {
        s->most_lost = s->lost[p] < INFINITY ? fmaxf(s->most_lost, s->lost[p]) : s->most_lost;
        s->widest = fmaxf(s->widest, s->size[p]);
        s->longest = fmaxf(s->longest, s->full[p]);
    }
}

/* --- a query --- */

/* What a query's values are, and what rounding makes of them. */
typedef struct extent {
    double most, least, full, centre, whole, kept, lost, sum;
} extent;

CPU_CLONES static void measure(extent *e, sieve *v, const screen *s, const float *x)
{
    for (int64_t j = 0; j < s->d; j++) {
        double value = (double)x[j] * (double)s->shrink[j];
        e->most = fmax(e->most, value);
        e->least = fmin(e->least, value);
        e->full += (double)x[j] * (double)x[j];
        v->shift += (double)x[j] * (double)s->centre[j];
        e->centre += (double)s->centre[j] * (double)s->centre[j];
    }
}

CPU_CLONES static void pack_query(extent *e, int8_t *to, const screen *s, const float *x, double middle,
                                  double scale)
{
    double times = 1 / scale;
    for (int64_t j = 0; j < s->d; j++) {
        double value = (double)x[j] * (double)s->shrink[j], q = rint((value - middle) * times);
        double off = value - middle - q * scale;
        e->whole += value * value;
        e->kept += q * q;
        e->lost += off * off;
        e->sum += q;
        to[j / QUAD * BYTES_ROWS * QUAD + j % QUAD] = (int8_t)q;
    }
}

/* Rounds a query into its place in a block. With x its values, v = x shrink is about
 * middle + scale q; and with w a row of the bank as in bytes.h, x y = x centre + v w.
 * What is left out of v w is at most |scale q| lost + |v - middle - scale q| size.
 * The float product differs from x y by its d roundings, d 2^-24 |x| full; `slack` is
 * for the roundings of w, of its norms and sum, and of the three terms of bytes.h. */
static void ask(const screen *s, sieve *v, int8_t *to, const float *x)
{
    extent e = {.most = 0};
    measure(&e, v, s, x);
    double d = (double)s->d, full = sqrt(e.full), centre = sqrt(e.centre), range = e.most - e.least;
    v->left = !(full * (double)s->longest < 0x1p120 && centre * full < 0x1p120 && range > 0x1p-100);
    if (v->left)
        return;
    double middle = (e.most + e.least) / 2, slack = (d / 16 + 20 * sqrt(d) + 64) * 0x1p-23;
    v->scale = range / 254;
    pack_query(&e, to, s, x, middle, v->scale);
    double lost = sqrt(e.lost) + sqrt(d) * 0x1p-62 + slack * (sqrt(e.whole) + fabs(middle) * sqrt(d));
    v->by_low = (float)e.sum;
    v->by_sum = (float)(middle / v->scale);
    v->by[0] = (float)(sqrt(e.kept) * (1 + 0x1p-18));
    v->by[1] = (float)(lost / v->scale * (1 + 0x1p-18));
    v->by[2] = (float)(d * 0x1p-24 * full / v->scale * 1.01);
    v->by[3] = (float)(d * (0x1p-140 + full * centre * 0x1p-50) / v->scale * (1 + 0x1p-18));
    for (int i = 0; i < 4; i++)
        v->left |= !(v->by[i] < 0x1p100f);
    v->widest = v->by[0] * s->most_lost + v->by[1] * s->widest + v->by[2] * s->longest + v->by[3];
}

static float margin(const screen *s, const sieve *v, int64_t p)
{
    return v->by[0] * s->lost[p] + v->by[1] * s->size[p] + v->by[2] * s->full[p] + v->by[3];
}

/* The upper end of the range whose lower end the key holds. */
static float reach(const screen *s, const sieve *v, uint64_t key)
{
    return choice_value(key) + 2 * margin(s, v, choice_index(key) / BYTES_COLS);
}

/* How many keys are at least so large. */
CPU_CLONES static int64_t above(const uint64_t *key, int64_t n, uint64_t least)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += key[i] >= least;
    return count;
}

/* A bar that k of the keys reach and not many more: halving a range of keys takes
 * fewer steps than to find the k-th itself. */
static uint64_t bar_of(const sieve *v, int64_t k)
{
    uint64_t low = choice_key(v->bar, INT32_MAX), high = v->top + 1;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        int64_t count = above(v->key, v->n, middle);
        if (count < k) {
            high = middle;
            continue;
        }
        low = middle;
        if (count <= k + k / 8)
            break;
    }
    return low;
}

/* How many rows may be in question when so many were seen: float products of more
 * would cost what they save. */
static int64_t in_question(const screen *s, int64_t seen)
{
    return 4 * s->k + 2 * BYTES_COLS + (seen / SHARE < MOST ? seen / SHARE : MOST);
}

/* Forgets what cannot be among the k: whose range ends below the bar even if it is
 * as wide as any, or infinitely wide. */
static void sift(const screen *s, sieve *v, int64_t seen)
{
    int64_t kept = 0;
    v->bar = choice_value(bar_of(v, s->k));
    uint64_t least = choice_key(v->bar - 2 * v->widest, INT32_MAX), endless = choice_key(-FLT_MAX, INT32_MAX);
    for (int64_t i = 0; i < v->n; i++) {
        uint64_t key = v->key[i];
        v->key[kept] = key;
        kept += (key >= least) | (key < endless);
    }
    v->n = kept;
    v->look = 2 * kept;
    v->left = kept > in_question(s, seen);
}

static void let_through(const screen *s, sieve *v, uint64_t pass, const float *near, int64_t panel, int64_t seen)
{
    float off = margin(s, v, panel);
    for (; pass; pass &= pass - 1) {
        int64_t i = __builtin_ctzll(pass);
        uint64_t key = choice_key(near[i] - off, panel * BYTES_COLS + i);
        v->key[v->n++] = key;
        v->top = key > v->top ? key : v->top;
    }
    if (v->n >= v->look)
        sift(s, v, seen);
}

static void search_block(const screen *s, int64_t block, int64_t turn)
{
    int64_t panel = turn * s->step % s->panels;
    uint64_t pass[BYTES_ROWS];
    float near[BYTES_ROWS][BYTES_COLS];
    sieve *v = s->open + block * BYTES_ROWS;
    bytes_block b = {.q = s->asked + block * BYTES_ROWS * s->quads * QUAD,
                     .panel = s->bytes + panel * BYTES_COLS * s->quads * QUAD,
                     .scale = s->scale + panel * BYTES_COLS,
                     .low = s->low + panel * BYTES_COLS,
                     .sum = s->sum + panel * BYTES_COLS,
                     .quads = s->quads};
    for (int r = 0; r < BYTES_ROWS; r++) {
        b.by_low[r] = v[r].by_low;
        b.by_sum[r] = v[r].by_sum;
        b.bar[r] = v[r].left ? NAN : v[r].bar - margin(s, &v[r], panel);
    }
    s->kernel->screen(pass, near, &b);
    for (int r = 0; r < BYTES_ROWS; r++)
        if (pass[r])
            let_through(s, &v[r], pass[r], near[r], panel, (turn + 1) * BYTES_COLS);
}

/* Exact keys for those from `first` to `last`; returns the smallest value, -inf where
 * one is not finite. */
static float weigh(const screen *s, sieve *v, const float *x, int64_t first, int64_t last)
{
    enum { SOME = 256 };
    float least = INFINITY, value[SOME];
    int32_t row[SOME];
    for (int64_t i = first; i < last; i += SOME) {
        int64_t n = last - i < SOME ? last - i : SOME;
        for (int64_t j = 0; j < n; j++)
            row[j] = (int32_t)choice_index(v->key[i + j]);
        s->kernel->dots(value, x, s->c, s->d, row, n);
        for (int64_t j = 0; j < n; j++) {
            v->key[i + j] = choice_key(value[j], row[j]);
            least = fabsf(value[j]) < INFINITY ? fminf(least, value[j]) : -INFINITY;
        }
    }
    return least;
}

/* The k that look best are weighed first: the least of them is a better bar than
 * the lower end of a range. */
static void answer(const screen *s, sieve *v, int64_t query)
{
    const float *x = s->a + query * s->d;
    sift(s, v, s->n);
    if (v->left)
        return;
    choice_keep(v->key, v->n, s->k);
    double bar = ((double)weigh(s, v, x, 0, s->k) - v->shift) / v->scale;
    int64_t kept = s->k;
    for (int64_t i = kept; i < v->n; i++)
        if (!((double)reach(s, v, v->key[i]) < bar))
            v->key[kept++] = v->key[i];
    weigh(s, v, x, s->k, kept);
    choice found = {.key = v->key, .k = s->k, .n = kept};
    choice_close(&found, s->y + query * s->k, s->at + query * s->k);
}

static void search_blocks(void *ctx, int64_t first, int64_t last)
{
    const screen *s = ctx;
    int64_t end = last * BYTES_ROWS < s->rows ? last * BYTES_ROWS : s->rows;
    memset(s->asked + first * BYTES_ROWS * s->quads * QUAD, 0,
           (size_t)((last - first) * BYTES_ROWS * s->quads * QUAD));
    for (int64_t i = first * BYTES_ROWS; i < last * BYTES_ROWS; i++) {
        sieve *v = &s->open[i];
        *v = (sieve){.key = v->key, .look = 2 * s->k + BYTES_COLS, .bar = -INFINITY, .left = 1};
        int8_t *to = s->asked + i / BYTES_ROWS * BYTES_ROWS * s->quads * QUAD + i % BYTES_ROWS * QUAD;
        if (i < end)
            ask(s, v, to, s->a + (s->q + i) * s->d);
    }
    for (int64_t p = 0; p < s->panels; p++)
        for (int64_t block = first; block < last; block++)
            search_block(s, block, p);
    for (int64_t i = first * BYTES_ROWS; i < end; i++)
        if (!s->open[i].left)
            answer(s, &s->open[i], s->q + i);
}

static int64_t divisor(int64_t a, int64_t b)
{
    return b ? divisor(b, a % b) : a;
}

/* Panels are visited far apart: where a bank is in order of class, the bar would
 * else be low until a query's own comes. */
static int64_t step_of(int64_t panels)
{
    int64_t step = panels * 618 / 1000 + 1;
    while (divisor(panels, step) > 1)
        step++;
    return step;
}

/* Blocks of queries whose keys have memory and whose bytes stay in the caches. */
static int64_t blocks_at_once(const screen *s, int64_t room)
{
    int64_t fit = KEYS / room, cached = CACHED / (s->quads * QUAD);
    int64_t blocks = (fit < cached ? fit : cached) * parallel_threads() / BYTES_ROWS + 1;
    int64_t all = (s->m + BYTES_ROWS - 1) / BYTES_ROWS;
    return blocks < all ? blocks : all;
}

static int64_t search_waves(screen *s, int64_t wave, int64_t *left)
{
    int64_t count = 0;
    for (s->q = 0; s->q < s->m; s->q += wave) {
        s->rows = s->m - s->q < wave ? s->m - s->q : wave;
        parallel((s->rows + BYTES_ROWS - 1) / BYTES_ROWS, 1, search_blocks, s);
        for (int64_t i = 0; i < s->rows; i++)
            if (s->open[i].left)
                left[count++] = s->q + i;
    }
    return count;
}

int64_t screen_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                       int64_t k, int64_t *left)
{
    screen s = {.kernel = bytes_of_processor(), .a = a, .c = c, .y = y, .at = at, .m = m, .n = n, .d = d, .k = k};
    s.quads = (d + QUAD - 1) / QUAD;
    s.panels = (n + BYTES_COLS - 1) / BYTES_COLS;
    s.step = step_of(s.panels);
    pack_bank(b, &s);
    int64_t room = 2 * in_question(&s, n) + BYTES_COLS, wave = blocks_at_once(&s, room) * BYTES_ROWS;
    uint64_t *keys = cpu_room(b, ROOM_KEYS, (size_t)wave * ((size_t)room * sizeof *keys + sizeof *s.open));
    s.open = (sieve *)(keys + wave * room);
    s.asked = cpu_room(b, ROOM_X, (size_t)(wave * s.quads * QUAD));
    for (int64_t i = 0; i < wave; i++)
        s.open[i].key = keys + i * room;
    return search_waves(&s, wave, left);
}
