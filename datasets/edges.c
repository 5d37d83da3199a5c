/* edges.c - edges, chamfer distances and histogram equalisation of 8-bit grey
 * images, in integers where OpenCV uses them, so that the bytes are the same. */
#include "edges.h"
#include "../harness/text.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct slope {
    int x, y, size; /* of the Sobel gradient, and |x| + |y| */
} slope;

static int clamped(int i, int n)
{
    return i < 0 ? 0 : i < n ? i : n - 1;
}

static slope slope_at(const uint8_t *grey, int side, int y, int x)
{
    const uint8_t *above = grey + clamped(y - 1, side) * side, *here = grey + y * side;
    const uint8_t *below = grey + clamped(y + 1, side) * side;
    int l = clamped(x - 1, side), r = clamped(x + 1, side);
    slope s = {.x = above[r] - above[l] + 2 * (here[r] - here[l]) + below[r] - below[l],
               .y = below[l] - above[l] + 2 * (below[x] - above[x]) + below[r] - above[r]};
    s.size = abs(s.x) + abs(s.y);
    return s;
}

/* Whether the slope is the greatest across the edge: of the two neighbours along the
 * gradient's direction, which is horizontal, vertical or diagonal. Rows are `pitch` apart. */
static int is_ridge(const slope *s, int pitch)
{
    const int tan_22 = 13573; /* tan(22.5 degrees) in 2^-15; tan(67.5) is 2 more */
    int across = abs(s->x), up = abs(s->y) << 15, flat = across * tan_22;
    if (up < flat)
        return s->size > s[-1].size && s->size >= s[1].size;
    if (up > flat + (across << 16))
        return s->size > s[-pitch].size && s->size >= s[pitch].size;
    int lean = (s->x < 0) != (s->y < 0) ? -1 : 1;
    return s->size > s[-pitch - lean].size && s->size > s[pitch + lean].size;
}

/* Marks everything of `weak` that hangs together with the `n` pixels on the stack. */
static void follow(uint8_t *edge, const uint8_t *weak, int side, int *stack, int n)
{
    while (n > 0) {
        int at = stack[--n], y = at / side, x = at % side;
        for (int k = 0; k < 9; k++) {
            int ny = y + k / 3 - 1, nx = x + k % 3 - 1, next = ny * side + nx;
            if (ny < 0 || nx < 0 || ny >= side || nx >= side || !weak[next] || edge[next])
                continue;
            edge[next] = 255;
            stack[n++] = next;
        }
    }
}

void edges_find(uint8_t *edge, const uint8_t *grey, int side, int low, int high)
{
    int pitch = side + 2, n = 0; /* a frame of zeros about the slopes */
    size_t pixels = (size_t)side * (size_t)side, framed = (size_t)pitch * (size_t)pitch;
    slope *slopes = text_more(NULL, framed * sizeof *slopes);
    int *stack = text_more(NULL, pixels * sizeof *stack);
    uint8_t *weak = text_more(NULL, pixels);
    memset(slopes, 0, framed * sizeof *slopes);
    memset(edge, 0, pixels);
    for (int i = 0; i < side * side; i++)
        slopes[(i / side + 1) * pitch + i % side + 1] = slope_at(grey, side, i / side, i % side);
    for (int i = 0; i < side * side; i++) {
        const slope *s = slopes + (i / side + 1) * pitch + i % side + 1;
        weak[i] = s->size > low && is_ridge(s, pitch);
        if (weak[i] && s->size > high) {
            edge[i] = 255;
            stack[n++] = i;
        }
    }
    follow(edge, weak, side, stack, n);
    free(slopes);
    free(stack);
    free(weak);
}

/* Half of the mask, upwards: (dy, dx) and the length of the step in 2^-16. The other half is its mirror. */
static const struct {
    int dy, dx, length;
} steps[] = {
    {-2, -1, 143976}, {-2, 1, 143976}, {-1, -2, 143976}, {-1, -1, 91750},
    {-1, 0, 65536},   {-1, 1, 91750},  {-1, 2, 143976},  {0, -1, 65536},
};

/* One pass over all pixels, taking the way over pixels that were passed before. */
static void spread(int *length, int pitch, int side, int sign)
{
    for (int i = 0; i < side * side; i++) {
        int from = sign > 0 ? i : side * side - 1 - i;
        int *at = length + (from / side + 2) * pitch + from % side + 2;
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            int way = at[sign * (steps[k].dy * pitch + steps[k].dx)] + steps[k].length;
            *at = way < *at ? way : *at;
        }
    }
}

void edges_distance(float *distance, const uint8_t *edge, int side)
{
    const int far = 8192 << 16;
    int pitch = side + 4, all = pitch * pitch; /* a frame of two pixels that are far */
    int *length = text_more(NULL, (size_t)all * sizeof *length);
    for (int i = 0; i < all; i++)
        length[i] = far;
    for (int i = 0; i < side * side; i++)
        if (edge[i])
            length[(i / side + 2) * pitch + i % side + 2] = 0;
    spread(length, pitch, side, 1);
    spread(length, pitch, side, -1);
    for (int i = 0; i < side * side; i++)
        distance[i] = (float)length[(i / side + 2) * pitch + i % side + 2] * 0x1p-16f;
    free(length);
}

void edges_equalise(uint8_t *px, int n)
{
    int count[256] = {0}, lowest = 0, sum = 0;
    uint8_t to[256] = {0};
    for (int i = 0; i < n; i++)
        count[px[i]]++;
    while (lowest < 255 && !count[lowest])
        lowest++;
    if (count[lowest] == n)
        return;
    float scale = 255.0f / (float)(n - count[lowest]);
    for (int v = lowest + 1; v < 256; v++) {
        sum += count[v];
        to[v] = (uint8_t)lrintf((float)sum * scale);
    }
    for (int i = 0; i < n; i++)
        px[i] = to[px[i]];
}
