/* numbers.cpp - the elements that the libraries read and write: float, and
 * bfloat16, which is the upper half of a float. */
#include <cmath>
#include <cstring>

#include "emulator.hpp"

namespace emulator
{
size_t element_bytes(element e)
{
    return e == FLOAT32 ? 4 : 2;
}

static float of_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint32_t bits_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

/* To the nearest multiple of 1 << low of its bits, ties to even; not for NaN. */
static uint32_t round_bits(uint32_t bits, int low)
{
    return (bits + (((uint32_t)1 << (low - 1)) - 1) + (bits >> low & 1)) >> low << low;
}

float as_tf32(float v)
{
    return std::isfinite(v) ? of_bits(round_bits(bits_of(v), 13)) : v;
}

double element_get(const void *p, int64_t i, element e)
{
    if (e == FLOAT32)
        return ((const float *)p)[i];
    return of_bits((uint32_t)((const uint16_t *)p)[i] << 16);
}

void element_put(void *p, int64_t i, element e, double value)
{
    float v = (float)value;
    if (e == FLOAT32)
        ((float *)p)[i] = v;
    else
        ((uint16_t *)p)[i] = (uint16_t)(v != v ? 0x7fc0 : round_bits(bits_of(v), 16) >> 16);
}

void add_rows(double *__restrict sum, int64_t n, const double *factor, int64_t count, const double *rows,
              int64_t step)
{
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) { /* four at a time: sum is read and written less often */
        const double *a = rows + i * step, *b = a + step, *c = b + step, *d = c + step;
        const double fa = factor[i], fb = factor[i + 1], fc = factor[i + 2], fd = factor[i + 3];
        for (int64_t j = 0; j < n; j++)
            sum[j] += (fa * a[j] + fb * b[j]) + (fc * c[j] + fd * d[j]);
    }
    for (; i < count; i++)
        for (int64_t j = 0; j < n; j++)
            sum[j] += factor[i] * rows[i * step + j];
}
} // namespace emulator
