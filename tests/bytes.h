/* bytes.h - files put together byte by byte, for the tests. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct buffer {
    unsigned char at[1 << 14];
    size_t n;
} buffer;

static inline void put(buffer *b, const void *bytes, size_t n)
{
    if (b->n + n > sizeof b->at)
        abort();
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

/* Opcodes as a string literal; zeros may be among them. */
#define OPS(b, literal) put(b, literal, sizeof(literal) - 1)

static inline void put_number(buffer *b, uint64_t value, int width)
{
    for (int i = 0; i < width; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        put(b, &byte, 1);
    }
}

#endif
