/* plasma.c - diamonds and squares on a torus, every point drawn once, from a
 * draw numbered by its place. */
#include "plasma.h"
#include "../kernels/random.h"

/* A mean of four points and up to `reach` either way. */
static void settle(double *p, int64_t at, double sum, double reach, uint64_t seed)
{
    p[at] = sum / 4 + reach * (2 * (double)random_uniform(seed, (uint64_t)at) - 1);
}

static void squares(double *p, int size, int step, double reach, uint64_t seed)
{
    int half = step / 2;
    for (int y = 0; y < size; y += step)
        for (int x = 0; x < size; x += step) {
            int right = (x + step) % size, below = (y + step) % size;
            double sum = p[y * size + x] + p[y * size + right] + p[below * size + x] + p[below * size + right];
            settle(p, (y + half) * size + x + half, sum, reach, seed);
        }
}

/* The middles of the upper and of the left side of every square: two corners and two centres. */
static void diamonds(double *p, int size, int step, double reach, uint64_t seed)
{
    int half = step / 2;
    for (int y = 0; y < size; y += step)
        for (int x = 0; x < size; x += step) {
            int right = (x + step) % size, below = (y + step) % size;
            int west = (x - half + size) % size, north = (y - half + size) % size;
            double corner = p[y * size + x], centre = p[(y + half) * size + x + half];
            double across = corner + p[y * size + right] + centre + p[north * size + x + half];
            double down = corner + p[below * size + x] + centre + p[(y + half) * size + west];
            settle(p, y * size + x + half, across, reach, seed);
            settle(p, (y + half) * size + x, down, reach, seed);
        }
}

void plasma_field(double *p, int size, double decay, uint64_t seed)
{
    double wibble = 100, least = 0, most = 0;
    p[0] = 0;
    for (int step = size; step >= 2; step /= 2) {
        squares(p, size, step, wibble * wibble, seed);
        diamonds(p, size, step, wibble * wibble, seed);
        wibble /= decay;
    }
    for (int i = 0; i < size * size; i++) {
        least = p[i] < least ? p[i] : least;
        most = p[i] > most ? p[i] : most;
    }
    for (int i = 0; i < size * size; i++)
        p[i] = (p[i] - least) / (most - least);
}

int plasma_size(int side)
{
    int size = 2;
    while (size < side)
        size *= 2;
    return size;
}
