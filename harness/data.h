/* data.h - images and labels of one split of an HDF5 data set, mapped. Any
 * number may be open; reading costs no copy. -1 with fault() set on failure:
 * no such file, cut short, not HDF5, another schema, no such split, extents or
 * types that do not fit. What was opened is safe to read to its last byte. */
#ifndef DATA_H
#define DATA_H

#include <stdint.h>

typedef struct dataset dataset;

int dataset_open(dataset **d, const char *path, const char *split); /* "train" "val" "test" */
void dataset_close(dataset *d);
int dataset_lacks(const char *path, const char *split); /* 1: a data set can be read, it has no such split */

const char *dataset_name(const dataset *d);
const char *dataset_digest(const dataset *d); /* SHA-256 of pixels and labels of this split, 64 hex digits */
const char *dataset_source(const dataset *d); /* what it was made from, one `key value` a line */
int64_t dataset_count(const dataset *d);
int64_t dataset_side(const dataset *d);          /* images are side x side */
int64_t dataset_channels(const dataset *d);      /* 3 */
const uint8_t *dataset_images(const dataset *d); /* [count][side][side][channels] */
const int32_t *dataset_labels(const dataset *d); /* [count]; -1: outside the classes */

#endif
