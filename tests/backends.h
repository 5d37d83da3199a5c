/* backends.h - opens the backends that were built, for the tests: kernels/NAME.so
 * under the build folder that the environment variable B names. */
#ifndef BACKENDS_H
#define BACKENDS_H

#include <dlfcn.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kernels/backend.h"
#include "tested.h"

typedef struct device {
    char name[32], why[5000]; /* why: what is wrong when b is NULL */
    const bk_api *(*query)(uint32_t abi, uint32_t size);
    const bk_api *f;
    bk *b;
} device;

/* What a backend calls when a precondition is broken: nothing else can follow. */
__attribute__((noreturn, format(printf, 3, 4))) static void backends_die(const char *file, int line,
                                                                         const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s:%d: ", file, line);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

__attribute__((format(printf, 1, 2))) static void backends_note(const char *fmt, ...)
{
    (void)fmt;
}

static const bk_host backends_host = {.die = backends_die, .note = backends_note};

/* The cuda backend compiled for the processor, on an emulated card. */
static const char backends_emulated[] = "cuda-emulated";

/* The object stays loaded: thread pools do not survive an unload. */
static inline device backends_open(const char *name)
{
    device v = {.f = NULL};
    char path[4096];
    snprintf(v.name, sizeof v.name, "%s", name);
    if (strcmp(name, backends_emulated) == 0)
        snprintf(path, sizeof path, "%s/tests/emulator/cuda.so", tested_build());
    else
        snprintf(path, sizeof path, "%s/kernels/%s.so", tested_build(), name);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    union {
        void *object;
        const bk_api *(*function)(uint32_t, uint32_t);
    } query = {object ? dlsym(object, "bk_query") : NULL};
    if (!query.object) {
        snprintf(v.why, sizeof v.why, "%s", dlerror());
        return v;
    }
    v.query = query.function;
    v.f = v.query(BK_ABI, sizeof(bk_api));
    if (v.f)
        v.b = v.f->open(&backends_host, 0, 0, v.why, sizeof v.why);
    if (!v.f)
        snprintf(v.why, sizeof v.why, "%s: bk_query refused", path);
    return v;
}

static inline void backends_close(device *v)
{
    if (v->b)
        v->f->close(v->b);
    v->b = NULL;
}

/* The names of what was built and is tested, at most `most`; ref is not among them. */
static inline int backends_built(char names[][32], int most)
{
    char pattern[4096];
    snprintf(pattern, sizeof pattern, "%s/kernels/*.so", tested_build());
    glob_t found;
    int n = 0;
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc && n < most; i++) {
        const char *base = strrchr(found.gl_pathv[i], '/') + 1;
        snprintf(names[n], 32, "%.*s", (int)(strlen(base) - strlen(".so")), base);
        n += strcmp(names[n], "ref") != 0 && tested(names[n]);
    }
    globfree(&found);
    snprintf(pattern, sizeof pattern, "%s/tests/emulator/cuda.so", tested_build());
    if (n < most && access(pattern, R_OK) == 0) {
        snprintf(names[n], 32, "%s", backends_emulated);
        n += tested(names[n]);
    }
    return n;
}

#endif
