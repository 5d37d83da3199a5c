/* schema.h - how a data set lies in its HDF5 file.
 *
 * /                 attributes: schema (int), name, classes (strings), mean, std (double[3])
 * /<split>          attributes: source (what it was made from), sha256 (of x, then y)
 * /<split>/x        uint8 [n][h][w][c], contiguous: it can be mapped where it lies
 * /<split>/y        int32 [n]; -1: outside the classes
 *
 * Strings have a fixed length and end with a zero. */
#ifndef SCHEMA_H
#define SCHEMA_H

#define SCHEMA_VERSION 1
#define SCHEMA_CHANNELS 3

#endif
