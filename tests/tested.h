/* tested.h - which device a test runs on: the one that DEVICE names, else cpu.
 * With SMALL set, tables of shapes are run without the large ones: for tools that
 * slow every access down. */
#ifndef TESTED_H
#define TESTED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The build folder: what the environment variable B names. */
static inline const char *tested_build(void)
{
    const char *build = getenv("B");
    return build ? build : "build";
}

/* Devices are then opened from there; before the first is. */
static inline void tested_kernels(void)
{
    char kernels[4200];
    snprintf(kernels, sizeof kernels, "%s/kernels", tested_build());
    setenv("OODBENCH_KERNELS", kernels, 1);
}

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
