/* tested.h - which device a test runs on: the one that DEVICE names, else cpu.
 * With SMALL set, tables of shapes are run without the large ones: for tools that
 * slow every access down. */
#ifndef TESTED_H
#define TESTED_H

#include <stdlib.h>
#include <string.h>

static inline const char *tested_device(void)
{
    const char *named = getenv("DEVICE");
    return named && *named ? named : "cpu";
}

/* Is `name` one that the tests of all backends look at? */
static inline int tested(const char *name)
{
    const char *named = getenv("DEVICE");
    return !named || !*named || strcmp(named, name) == 0;
}

enum { TESTED_SMALL = 4096 }; /* multiplications or moves, see case_size() */
static inline int tested_small(void)
{
    return getenv("SMALL") != NULL;
}

#endif
