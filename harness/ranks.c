/* ranks.c - where this process stands among those that train with it, and sums
 * over them. The wires are loaded when they are asked for, and never unloaded:
 * their libraries' threads live in their code. */
#define TX_PLAIN
#include "ranks.h"
#include "engine.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "pool.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct line { /* one wire */
    const wire_api *api;
    wire *w;
} line;

static wire_place place = {0, 1, 0};
static line host, card; /* card.api is NULL where sums of the device pass through the host */
static void *passing;   /* what passes, so many bytes */
static size_t passing_bytes;

int ranks_here(void)
{
    return place.rank;
}

int ranks_count(void)
{
    return place.size;
}

int ranks_local(void)
{
    return place.local;
}

void ranks_use(const wire_api *api, wire *w, wire_place at)
{
    host = (line){api, w};
    place = at;
}

void ranks_close(void)
{
    line *const lines[] = {&card, &host};
    for (int i = 0; i < 2; i++) {
        if (lines[i]->api)
            lines[i]->api->close(lines[i]->w);
        *lines[i] = (line){0};
    }
    free(passing);
    passing = NULL;
    passing_bytes = 0;
    place = (wire_place){0, 1, 0};
}

/* kernels/wire/NAME.so, and whether it was built. */
static bool find(char *path, size_t cap, const char *name)
{
    char folder[PATH_MAX];
    const char *chosen = getenv("OODBENCH_KERNELS");
    snprintf(path, cap, "%s/wire/%s.so", chosen ? chosen : layout_beside(folder, sizeof folder, "kernels"), name);
    return file_exists(path);
}

int ranks_possible(void)
{
    char path[PATH_MAX + 32];
    return find(path, sizeof path, "mpi")
               ? 0
               : fault("ranks: several processes are joined by MPI, and %s was not built: install an MPI with its "
                       "headers (packages libopenmpi-dev and openmpi-bin), then make",
                       path);
}

/* The interface of an object; NULL with fault() set. */
static const wire_api *load(const char *path)
{
    const wire_api *(*query)(void);
    void *object = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI loads parts of itself, which look for it */
    if (!object) {
        fault("ranks: %s: install the library it names, or name its folder in LD_LIBRARY_PATH", dlerror());
        return NULL;
    }
    *(void **)&query = dlsym(object, "wire_query");
    const wire_api *api = query ? query() : NULL;
    if (api && api->abi == WIRE_ABI && api->size == sizeof *api)
        return api;
    fault("ranks: %s was built for another program: rebuild it with make", path);
    return NULL;
}

static int open_line(line *l, const char *path)
{
    char why[512] = "";
    l->api = load(path);
    if (!l->api)
        return -1;
    l->w = l->api->open(host.w ? host.api : NULL, host.w, &place, why, sizeof why);
    if (l->w)
        return 0;
    l->api = NULL;
    return fault("ranks: %s: %s", path, why);
}

int ranks_open(int64_t expected)
{
    char path[PATH_MAX + 32];
    if (ranks_possible() != 0)
        return -1;
    find(path, sizeof path, "mpi");
    if (open_line(&host, path) != 0)
        return -1;
    if (place.size == expected)
        return 0;
    return fault("ranks: %lld processes are wanted, and MPI knows of %d: is `mpirun` that of the MPI which %s was "
                 "built with?",
                 (long long)expected, place.size, path);
}

int ranks_open_device(bool *slow)
{
    char path[PATH_MAX + 32];
    *slow = false;
    if (place.size == 1 || strcmp(device_name(), "cuda") != 0)
        return 0;
    *slow = !find(path, sizeof path, "nccl");
    return *slow ? 0 : open_line(&card, path);
}

/* Sums. */

static void sum_values(tensor *t)
{
    size_t bytes = (size_t)t->count * sizeof(real);
    if (card.api) {
        device_sync();
        card.api->sum(card.w, tx_data(t), t->count, sizeof(real));
        return;
    }
    if (bytes > passing_bytes) {
        free(passing);
        passing = pool_host(bytes);
        passing_bytes = bytes;
    }
    engine.api->read(engine.b, passing, tx_data(t), bytes);
    host.api->sum(host.w, passing, t->count, sizeof(real));
    engine.api->write(engine.b, tx_data(t), passing, bytes);
}

/* Every rank's result depends on every rank's x alike, so the gradients that reach the
 * results are summed as the values were. */
static void total_vjp(step *s)
{
    ad_give(s, 0, ranks_total(s->g));
}

static const rule total_rule = {"ranks_total", total_vjp, NULL};

tensor *ranks_total(tensor *x)
{
    if (place.size == 1)
        return x;
    int recording = ad_record(0);
    tensor *y = tx_copy(x);
    sum_values(y);
    ad_record(recording);
    ad_node(y, &total_rule, 1, 1, &x);
    return y;
}

void ranks_sum(tensor *leaf)
{
    if (place.size == 1)
        return;
    tx_changed(leaf, "ranks_sum");
    sum_values(leaf);
}

void ranks_add(double *values, int n)
{
    if (place.size > 1)
        host.api->sum(host.w, values, n, sizeof *values);
}

void ranks_tell(void *bytes, size_t n)
{
    if (place.size > 1)
        host.api->tell(host.w, bytes, n);
}
