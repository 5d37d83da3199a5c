/* random.h - draws that are a function of (seed, index) and of nothing else.
 *
 * Every backend, and the host, includes this file, so a draw has the same bits
 * everywhere. That holds because only integers and the IEEE-exact + - * / sqrt
 * of double are used; it assumes that no multiply-add is contracted (compile
 * with -ffp-contract=off, nvcc with -fmad=false) and that double arithmetic is
 * not carried out in wider registers. Draws are float, so an engine built with
 * real = double sees the same values.
 *
 * Seeds. Never make one by adding to another: two places that both count from
 * the run's seed share draws. Branch instead, once per purpose and once per
 * counter, and number the purposes of a program in one enum:
 *
 *     uint64_t crops = random_stream(seed, PURPOSE_CROPS);
 *     uint64_t epoch_crops = random_stream(crops, epoch);
 *     int64_t  dy = random_below(epoch_crops, 2 * image, 9) - 4;
 *
 * Streams of different (seed, branch) are unrelated, and so are the draws of
 * one stream; within a stream it is the caller who keeps indices apart. */
#ifndef RANDOM_H
#define RANDOM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define RANDOM_FN static __host__ __device__ inline
#else
#define RANDOM_FN static inline
#endif

/* A bijection of 64 bits in which every input bit moves about half of the
 * output bits (the finaliser of SplitMix64: Steele, Lea, Flood 2014). */
RANDOM_FN uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 64 random bits: a counter in Weyl steps from a scattered start. */
RANDOM_FN uint64_t random_bits(uint64_t seed, uint64_t index)
{
    const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
    return random_mix(random_mix(seed + golden) + (index + 1) * golden);
}

/* The seed of branch number `branch`. Mixed once more, so that a stream's own
 * draws never serve as seeds of its branches. */
RANDOM_FN uint64_t random_stream(uint64_t seed, uint64_t branch)
{
    return random_mix(~random_bits(seed, branch));
}

/* Uniform in [0, 1), a multiple of 2^-24. */
RANDOM_FN float random_uniform(uint64_t seed, uint64_t index)
{
    return (float)(random_bits(seed, index) >> 40) * 0x1p-24f;
}

/* Uniform among 0 .. below-1, for 0 < below <= 2^32; the chances of two values
 * differ by less than below / 2^32 of themselves. */
RANDOM_FN int64_t random_below(uint64_t seed, uint64_t index, int64_t below)
{
    return (int64_t)(((random_bits(seed, index) >> 32) * (uint64_t)below) >> 32);
}

/* Natural logarithm of a normal x > 0, to about 1e-16: x = 2^e m with m within
 * sqrt(2) of 1, and log m = 2 artanh((m - 1) / (m + 1)) by its series. */
RANDOM_FN double random_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000FFFFFFFFFFFFF)) | UINT64_C(0x3FF0000000000000);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m = m * 0.5;
        e = e + 1;
    }
    double s = (m - 1) / (m + 1), q = s * s, t = 1.0 / 21;
    t = t * q + 1.0 / 19;
    t = t * q + 1.0 / 17;
    t = t * q + 1.0 / 15;
    t = t * q + 1.0 / 13;
    t = t * q + 1.0 / 11;
    t = t * q + 1.0 / 9;
    t = t * q + 1.0 / 7;
    t = t * q + 1.0 / 5;
    t = t * q + 1.0 / 3;
    return e * 0.69314718055994531 + 2 * s * (t * q + 1);
}

/* Sine and cosine for |a| <= pi / 4, by their series, to about 1e-16. */
RANDOM_FN double random_sin(double a)
{
    double q = a * a, t = 1 - q * (1.0 / (16 * 17));
    t = 1 - q * (1.0 / (14 * 15)) * t;
    t = 1 - q * (1.0 / (12 * 13)) * t;
    t = 1 - q * (1.0 / (10 * 11)) * t;
    t = 1 - q * (1.0 / (8 * 9)) * t;
    t = 1 - q * (1.0 / (6 * 7)) * t;
    t = 1 - q * (1.0 / (4 * 5)) * t;
    t = 1 - q * (1.0 / (2 * 3)) * t;
    return a * t;
}

RANDOM_FN double random_cos(double a)
{
    double q = a * a, t = 1 - q * (1.0 / (15 * 16));
    t = 1 - q * (1.0 / (13 * 14)) * t;
    t = 1 - q * (1.0 / (11 * 12)) * t;
    t = 1 - q * (1.0 / (9 * 10)) * t;
    t = 1 - q * (1.0 / (7 * 8)) * t;
    t = 1 - q * (1.0 / (5 * 6)) * t;
    t = 1 - q * (1.0 / (3 * 4)) * t;
    return 1 - q * (1.0 / (1 * 2)) * t;
}

/* Standard normal, by Box and Muller: a radius from one draw, an angle from a
 * second. By symmetry the angle need only cover an eighth of the circle, two
 * of its bits choose sine or cosine and the sign. |result| < 8.6. */
RANDOM_FN float random_normal(uint64_t seed, uint64_t index)
{
    uint64_t a = random_bits(seed, index), b = random_mix(a + UINT64_C(0x9E3779B97F4A7C15));
    double u = ((double)(a >> 12) + 0.5) * 0x1p-52;
    double angle = ((double)(b >> 12) + 0.5) * (0x1p-52 * 0.78539816339744831);
    double radius = sqrt(-2 * random_log(u));
    double z = radius * ((b & 1) ? random_sin(angle) : random_cos(angle));
    return (float)((b & 2) ? -z : z);
}

#endif
