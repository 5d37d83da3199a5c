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

/* The interface of kernels/NAME.so; NULL with fault() set. */
static const wire_api *load(const char *name, const char *cure)
{
    char path[PATH_MAX + 256], folder[PATH_MAX];
    const wire_api *(*query)(void);
    const char *chosen = getenv("OODBENCH_KERNELS");
    snprintf(path, sizeof path, "%s/%s.so", chosen ? chosen : layout_beside(folder, sizeof folder, "kernels"),
             name);
    if (!file_exists(path)) {
        fault("ranks: there is no %s: %s, then make", path, cure);
        return NULL;
    }
    void *object = dlopen(path, RTLD_NOW | RTLD_GLOBAL); /* MPI loads parts of itself, which look for it */
    if (!object) {
        fault("ranks: %s: %s", path, dlerror());
        return NULL;
    }
    *(void **)&query = dlsym(object, "wire_query");
    const wire_api *api = query ? query() : NULL;
    if (!api || api->abi != WIRE_ABI || api->size != sizeof *api) {
        fault("ranks: %s was built for another program: rebuild it with make", path);
        return NULL;
    }
    return api;
}

static int open_line(line *l, const char *name, const char *cure)
{
    char why[512] = "";
    l->api = load(name, cure);
    if (!l->api)
        return -1;
    l->w = l->api->open(host.w ? host.api : NULL, host.w, &place, why, sizeof why);
    if (l->w)
        return 0;
    l->api = NULL;
    return fault("ranks: %s: %s", name, why);
}

int ranks_open(int64_t expected)
{
    if (open_line(&host, "mpi", "install an MPI with its headers (package libopenmpi-dev)") != 0)
        return -1;
    if (place.size == expected)
        return 0;
    return fault("ranks: %lld processes are wanted and MPI knows of %d: is `mpirun` that of the MPI this was built "
                 "with?",
                 (long long)expected, place.size);
}

int ranks_open_device(bool *slow)
{
    bool is_card = place.size > 1 && strcmp(device_name(), "cuda") == 0;
    char path[PATH_MAX], folder[PATH_MAX];
    const char *chosen = getenv("OODBENCH_KERNELS");
    snprintf(path, sizeof path, "%s/nccl.so", chosen ? chosen : layout_beside(folder, sizeof folder, "kernels"));
    *slow = is_card && !file_exists(path);
    return is_card && !*slow ? open_line(&card, "nccl", "install NCCL with its headers (package libnccl-dev)") : 0;
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
