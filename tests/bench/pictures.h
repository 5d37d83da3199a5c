/* pictures.h - pictures to import, and the decoders of the libraries bare. */
#ifndef PICTURES_H
#define PICTURES_H

#include <stddef.h>
#include <stdint.h>

/* A file of a side x side picture with the smoothness and the noise of a small
 * photograph; the caller frees it. Ends the process when the library refuses. */
char *picture_png(int side, uint64_t seed, size_t *size);
char *picture_jpeg(int side, uint64_t seed, size_t *size);

/* A JPEG of about 110 kB, as ImageNet's are on average. */
enum { PHOTO_W = 500, PHOTO_H = 375 };
char *picture_photo(uint64_t seed, size_t *size);

/* To RGB that is thrown away; 0, or -1 when it did not decode. */
int picture_read_png(const char *bytes, size_t size);
int picture_read_jpeg(const char *bytes, size_t size);

#endif
