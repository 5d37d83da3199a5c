/* schema.h - how a data set lies in its HDF5 file.
 *
 * /                 attributes: schema (int), name, classes (strings), mean, std (double[3])
 * /<split>          attributes: source (what it was made from), sha256 (of x, then y)
 * /<split>/x        uint8 [n][h][w][c], contiguous: it can be mapped where it lies
 * /<split>/y        int32 [n]; -1: outside the classes
 *
 * A split of encoded images has, in place of x, the files they were made from:
 *
 * /<split>          attributes: source, sha256 (of bytes, at, y), side, resize (int64: for
 *                   testing the shorter side becomes `resize`, or stays when 0, and the
 *                   middle side x side pixels are shown)
 * /<split>/bytes    uint8 [total], contiguous: PNG and JPEG files back to back, in order
 * /<split>/at       uint64 [n+1], contiguous: image i is bytes at[i] to at[i+1], the end left out
 *
 * Both kinds are schema 1: a program that knows pixels only misses `x` and says so.
 * Strings have a fixed length and end with a zero. */
#ifndef SCHEMA_H
#define SCHEMA_H

#define SCHEMA_VERSION 1
#define SCHEMA_CHANNELS 3

#endif
