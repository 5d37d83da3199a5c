/* plan_move.cu - channels that change places in plans: joining two images, the
 * parts of a join's gradient, widening and its adjoint. */
#include "pack.h"
#include "plan.h"
#include "plan_move.h"

enum { BLOCK = 256 };

/* y[rows][a + b] from a[rows][], b[rows][], all counted in units. */
template <typename Unit>
static __global__ void join_kernel(Unit *y, const Unit *a, const Unit *b, int64_t rows, int64_t na, int64_t nb)
{
    int64_t cols = na + nb, n = rows * cols, step = grid_step();
    int64_t row = grid_first() / cols, col = grid_first() % cols, rows_on = step / cols, cols_on = step % cols;
    for (int64_t i = grid_first(); i < n; i += step) {
        y[i] = col < na ? a[row * na + col] : b[row * nb + col - na];
        row += rows_on;
        col += cols_on;
        if (col >= cols) {
            col -= cols;
            row++;
        }
    }
}

typedef struct join_args {
    void *y;
    const void *a, *b;
    int64_t rows, na, nb; /* bytes of a row */
} join_args;

template <typename Unit> static int join_launch(bk *b, const join_args *j)
{
    const int64_t u = sizeof(Unit);
    if (j->na % u || j->nb % u || !aligned_to(j->y, u) || !aligned_to(j->a, u) || !aligned_to(j->b, u))
        return 0;
    LAUNCH(b, join_kernel<Unit>, blocks_for(b, j->rows * (j->na + j->nb) / u, BLOCK), BLOCK, 0, (Unit *)j->y,
           (const Unit *)j->a, (const Unit *)j->b, j->rows, j->na / u, j->nb / u);
    return 1;
}

static void join_go(bk *b, const void *args, const scalar *, const void *)
{
    const join_args *j = (const join_args *)args;
    if (!join_launch<uint4>(b, j) && !join_launch<uint2>(b, j) && !join_launch<unsigned>(b, j))
        join_launch<uint16_t>(b, j);
}

void act_join(bk *b, const plan_step *s, void *const at[])
{
    int64_t each = s->number[3] ? 2 : 4;
    join_args j = {at[0], at[1], at[2], s->number[0], s->number[1] * each, s->number[2] * each};
    ENQUEUE(b, join_go, j);
}

/* --- shares and widening --- */

typedef struct move_args {
    void *y;
    const void *x, *added;
    int64_t number[MOVE_NUMBERS];
} move_args;

typedef struct move_shape { /* an image has fewer than 2^31 elements */
    int64_t n;
    int yh, yw, yc, xh, xw, xc, shift, up, down;
} move_shape;

/* The pixel of x that belongs to (i,j) of y, counted from the image's first. */
static __device__ __forceinline__ int pixel_of(const move_shape &m, int i, int j)
{
    i *= m.up;
    j *= m.up;
    if (i % m.down || j % m.down)
        return -1;
    i /= m.down;
    j /= m.down;
    return i < m.xh && j < m.xw ? i * m.xw + j : -1;
}

template <typename T, int V> static __global__ void move_kernel(T *y, const T *x, const T *added, move_shape m)
{
    const int per = m.yc / V, packs = m.yh * m.yw * per;
    const int64_t yimage = (int64_t)m.yh * m.yw * m.yc, ximage = (int64_t)m.xh * m.xw * m.xc;
    for (int64_t image = blockIdx.y; image < m.n; image += gridDim.y)
        for (int64_t i = grid_first(); i < packs; i += grid_step()) {
            int pixel = (int)i / per, c = ((int)i - pixel * per) * V + m.shift;
            int from = pixel_of(m, pixel / m.yw, pixel % m.yw);
            int64_t at = image * ximage + (int64_t)from * m.xc + c;
            pack<T, V> out = {};
            if (from >= 0 && c >= 0 && c < m.xc) {
                out = fetch<T, V>(x + at);
                if (added) {
                    pack<T, V> more = fetch<T, V>(added + at);
                    for (int j = 0; j < V; j++)
                        narrow(&out.v[j], wide(out.v[j]) + wide(more.v[j]));
                }
            }
            store(y + image * yimage + i * V, out);
        }
}

template <typename T, int V> static int move_launch(bk *b, const move_args *a)
{
    const int64_t *m = a->number;
    const size_t bytes = sizeof(T) * V;
    move_shape shape = {m[MOVE_N],       (int)m[MOVE_YH], (int)m[MOVE_YW],    (int)m[MOVE_YC], (int)m[MOVE_XH],
                        (int)m[MOVE_XW], (int)m[MOVE_XC], (int)m[MOVE_SHIFT], (int)m[MOVE_UP], (int)m[MOVE_DOWN]};
    if (shape.yc % V || shape.xc % V || shape.shift % V || !aligned_to(a->y, bytes) || !aligned_to(a->x, bytes) ||
        !aligned_to(a->added, bytes))
        return 0;
    int64_t packs = m[MOVE_YH] * m[MOVE_YW] * m[MOVE_YC] / V;
    dim3 grid(blocks_for(b, packs, BLOCK), (unsigned)(shape.n < 65535 ? shape.n : 65535));
    LAUNCH(b, (move_kernel<T, V>), grid, BLOCK, 0, (T *)a->y, (const T *)a->x, (const T *)a->added, shape);
    return 1;
}

static void move_go(bk *b, const void *args, const scalar *, const void *)
{
    const move_args *a = (const move_args *)args;
    if (a->number[MOVE_BF16]) {
        if (!move_launch<bf16, 8>(b, a) && !move_launch<bf16, 4>(b, a) && !move_launch<bf16, 2>(b, a))
            move_launch<bf16, 1>(b, a);
    } else if (!move_launch<float, 4>(b, a) && !move_launch<float, 2>(b, a)) {
        move_launch<float, 1>(b, a);
    }
}

void act_move(bk *b, const plan_step *s, void *const at[])
{
    move_args a;
    a.y = at[0];
    a.x = at[1];
    a.added = at[2];
    for (int i = 0; i < MOVE_NUMBERS; i++)
        a.number[i] = s->number[i];
    ENQUEUE(b, move_go, a);
}
