/* reader.h - images of a data set by number, as they are shown for testing: bytes
 * [n][side][side][3], wherever they lie. Those of a set of pixels are in the mapped
 * file and cost nothing; those of an encoded set are decoded, resized and cropped by
 * threads into memory of the reader's, never more of them than were asked for twice
 * over. The same bytes for any range and any number of threads. */
#ifndef READER_H
#define READER_H

#include "data.h"

typedef struct reader reader;

/* d stays the caller's and must outlive it. threads 0: as many as this machine runs at once. */
reader *reader_open(const dataset *d, int threads);
void reader_close(reader *r); /* r may be NULL */

/* Images first .. first+n-1, which must be there; good until the next call but reader_ahead. NULL
 * with fault(), naming set and image, where one cannot be decoded. The last range is not decoded again. */
const uint8_t *reader_range(reader *r, int64_t first, int64_t n);

/* The next reader_range is expected to be this one: it is decoded by threads while the caller does
 * other things. Another range may be asked for all the same. n = 0: nothing is expected. */
void reader_ahead(reader *r, int64_t first, int64_t n);

/* Images which[0] .. which[n-1] into `out`. 0, or -1 with fault(). */
int reader_pick(reader *r, uint8_t *out, const int64_t *which, int64_t n);

#endif
