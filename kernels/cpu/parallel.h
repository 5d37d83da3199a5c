/* parallel.h - a range of work shared among the threads oneDNN uses. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <stdint.h>

typedef void parallel_body(void *ctx, int64_t first, int64_t last);

/* Calls body on pieces of 0 .. n-1 that together cover it, at the same time;
 * pieces begin at multiples of `grain`, the least worth a thread. What body
 * computes must not depend on where they begin: the number of threads decides. */
void parallel(int64_t n, int64_t grain, parallel_body *body, void *ctx);
int parallel_threads(void);

#endif
