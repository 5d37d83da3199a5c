/* data.h - images and labels of one split of an HDF5 data set, mapped. Any
 * number may be open; reading costs no copy. -1 with fault() set on failure:
 * no such file, cut short, not HDF5, another schema, no such split, extents,
 * types or offsets that do not fit. What was opened is safe to read to its last
 * byte. A set holds pixels, or the files of its images (encoded: JPEG, PNG),
 * which are decoded when they are read; reader.h gives pixels of either. */
#ifndef DATA_H
#define DATA_H

#include <stddef.h>
#include <stdint.h>

typedef struct dataset dataset;

int dataset_open(dataset **d, const char *path, const char *split); /* "train" "val" "test" */
void dataset_close(dataset *d);
int dataset_lacks(const char *path, const char *split); /* 1: a data set can be read, it has no such split */

const char *dataset_name(const dataset *d);
const char *dataset_digest(const dataset *d);  /* SHA-256 of all that pixels and labels depend on, 64 hex digits */
const char *dataset_written(const dataset *d); /* likewise, of the bytes in the file alone: verify.h */
const char *dataset_source(const dataset *d);  /* what it was made from, one `key value` a line */
int64_t dataset_count(const dataset *d);
int64_t dataset_side(const dataset *d);          /* images are side x side, or shown so */
int64_t dataset_channels(const dataset *d);      /* 3 */
const uint8_t *dataset_images(const dataset *d); /* [count][side][side][channels]; NULL: encoded */
const int32_t *dataset_labels(const dataset *d); /* [count]; -1: outside the classes */

/* Images as files. For testing the shorter side becomes `resize` (0: it stays), of which
 * the middle is shown. */
int dataset_encoded(const dataset *d);
const void *dataset_file(const dataset *d, int64_t i, size_t *size); /* of image i, mapped; only when encoded */
int64_t dataset_resize(const dataset *d);                            /* 0 for pixels, too */

/* The files of images first .. first+n-1 are not needed soon: they no longer count as this process's
 * memory, and stay in the system's cache as long as that has room. */
void dataset_leave(const dataset *d, int64_t first, int64_t n);

#endif
