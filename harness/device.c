/* device.c - finds, checks and opens a backend, and tells why one was refused.
 *
 * An object is never unloaded: the threads of its libraries live in its code. */
#define TX_PLAIN
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "pool.h"
#include "ranks.h"

/* The fastest first. Loading the libraries of a card takes a tenth of a second, of
 * each cell: `auto` looks whether its driver is there before it does. */
static const struct {
    const char *name, *driver;
} automatic[] = {{"cuda", "libcuda.so.1"}, {"cpu", NULL}, {"ref", NULL}};
#define NAUTOMATIC (int)(sizeof automatic / sizeof *automatic)

/* --- What the host lends a backend --- */

static void backend_died(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));
static void backend_died(const char *file, int line, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    tx_die(device_name(), "%s (%s:%d)", text, file, line);
}

static void backend_notes(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void backend_notes(const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", device_name());
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

static bk_host host = {
    .die = backend_died, .note = backend_notes, .trim = pool_trim, .out_of_memory = pool_exhausted};

/* Measurements save time and nothing else: where none can be kept, none are. */
static void lend_folder(void)
{
    static char folder[PATH_MAX];
    const char *shared = layout_shared(folder, sizeof folder);

    host.folder = shared && file_mkdirs(shared) == 0 ? shared : NULL;
}

/* --- Opening --- */

static int explain(const bk_api *api, const char *name)
{
    if (!api)
        return fault(
            "device %s: built for another interface than this program (%u, %zu bytes): rebuild it with make", name,
            BK_ABI, sizeof(bk_api));
    if (api->real_bytes != sizeof(real))
        return fault("device %s: computes in reals of %u bytes, this program in reals of %zu: rebuild it with make",
                     name, api->real_bytes, sizeof(real));
    return 0;
}

int device_open_api(const bk_api *api, unsigned flags)
{
    const char *fused = getenv("FUSED");
    char why[512] = "";

    if (engine.b)
        return fault("device %s: %s is open already: close it first", api ? api->name : "?", engine.api->name);
    if (explain(api, api ? api->name : "?") < 0)
        return -1;
    lend_folder();
    engine.api = api;
    int card = strcmp(api->name, "cuda") == 0 ? ranks_local() : 0;
    engine.b = api->open(&host, card, flags, why, sizeof why);
    if (!engine.b) {
        engine.api = NULL;
        return fault("device %s: %s", api->name, why);
    }
    if (fused)
        engine.fused = strcmp(fused, "0") != 0;
    return 0;
}

static void kernels_folder(char *folder, size_t cap)
{
    const char *chosen = getenv("OODBENCH_KERNELS");

    if (chosen)
        snprintf(folder, cap, "%s", chosen);
    else
        layout_beside(folder, cap, "kernels");
}

/* Why an object did not load. The loader begins with the library that is missing. */
static void explain_loading(const char *name, const char *said)
{
    static const struct {
        const char *library, *cure;
    } known[] = {
        {"libcudnn", "install cuDNN (NVIDIA's package libcudnn9-cuda-12 or -13, as the toolkit is)"},
        {"libcublas", "install cuBLAS, a part of the CUDA toolkit"},
        {"libdnnl", "install oneDNN (package libdnnl2 or libdnnl3)"},
    };
    const char *cure = "install the library it names";

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(said, known[i].library, strlen(known[i].library)) == 0)
            cure = known[i].cure;
    fault("device %s: %s: %s, or name its folder in LD_LIBRARY_PATH", name, said, cure);
}

/* The interface of kernels/NAME.so, or NULL with fault() set. */
static const bk_api *load(const char *name)
{
    char path[PATH_MAX + 256], folder[PATH_MAX];
    const bk_api *(*query)(uint32_t, uint32_t);
    const bk_api *api;
    void *object;

    kernels_folder(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/%.200s.so", folder, name);
    if (access(path, F_OK) != 0) {
        fault("device %s: no %s: `oodbench devices` lists what is built", name, path);
        return NULL;
    }
    object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object) {
        explain_loading(name, dlerror());
        return NULL;
    }
    *(void **)&query = dlsym(object, "bk_query");
    if (!query) {
        fault("device %s: %s exports no bk_query: it is no backend", name, path);
        dlclose(object);
        return NULL;
    }
    api = query(BK_ABI, sizeof(bk_api));
    return explain(api, name) < 0 ? NULL : api;
}

static int try_automatic(int i, unsigned flags)
{
    const char *name = automatic[i].name, *driver = automatic[i].driver;
    if (driver && !dlopen(driver, RTLD_LAZY | RTLD_LOCAL))
        return fault("device %s: no driver (%s) is installed", name, driver);
    const bk_api *api = load(name);
    return api ? device_open_api(api, flags) : -1;
}

int device_open(const char *name, unsigned flags)
{
    char tried[1024] = "";
    char text[512];

    if (strcmp(name, "auto") != 0) {
        const bk_api *api = load(name);
        return api ? device_open_api(api, flags) : -1;
    }
    for (int i = 0; i < NAUTOMATIC; i++) {
        if (try_automatic(i, flags) == 0) {
            device_describe(text, sizeof text);
            fprintf(stderr, "device: %s (%s)\n", automatic[i].name, text);
            return 0;
        }
        size_t at = strlen(tried);
        snprintf(tried + at, sizeof tried - at, "%s%s", at ? "; " : "", fault_text());
    }
    return fault("no device could be opened: %s", tried);
}

void device_close(void)
{
    if (!engine.b)
        return;
    scope_end_all();
    pool_trim();
    if (pool_counters().live != 0)
        tx_die("device_close", "%lld bytes are still in use: a tensor was lost", (long long)pool_counters().live);
    engine.api->close(engine.b);
    engine.b = NULL;
    engine.api = NULL;
}

const char *device_name(void)
{
    return engine.api ? engine.api->name : "none";
}

void device_describe(char *text, size_t cap)
{
    if (cap)
        text[0] = '\0';
    if (!engine.b)
        return;
    engine.api->describe(engine.b, text, cap);
    size_t n = strlen(engine.api->name); /* "cpu: ...": who it is stands beside already */
    if (strncmp(text, engine.api->name, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        memmove(text, text + n + 2, strlen(text + n + 2) + 1);
}

void device_sync(void)
{
    engine.api->sync(engine.b);
    pool_waited();
}

/* --- `oodbench devices` --- */

/* Opens it to see; what it is, or why it cannot be used, goes to `each`. */
static void try_device(const char *name, device_seen *each, void *arg)
{
    char text[512], all[600];
    size_t unused = 0, total = 0;
    const bk_api *api = load(name);

    if (!api || device_open_api(api, 0) < 0) {
        each(arg, name, 0, fault_text());
        return;
    }
    device_describe(text, sizeof text);
    engine.api->memory(engine.b, &unused, &total);
    snprintf(all, sizeof all, "%s; %.1f of %.1f GiB unused", text, (double)unused / (1 << 30),
             (double)total / (1 << 30));
    device_close();
    each(arg, name, 1, all);
}

static int is_object(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

int device_each(device_seen *each, void *arg)
{
    char folder[PATH_MAX];
    struct dirent **found;
    int n;

    kernels_folder(folder, sizeof folder);
    n = scandir(folder, &found, is_object, alphasort);
    if (n < 0)
        return fault("cannot read the folder of backends %s: %s", folder, strerror(errno));
    if (n == 0)
        return fault("no backend in %s: run make", folder);
    for (int i = 0; i < n; i++) {
        found[i]->d_name[strlen(found[i]->d_name) - 3] = '\0';
        try_device(found[i]->d_name, each, arg);
        free(found[i]);
    }
    free(found);
    return 0;
}

static void print_device(void *arg, const char *name, int ready, const char *text)
{
    (void)arg;
    printf("%-8s %-8s %s\n", name, ready ? "ready" : "refused", text);
}

int devices_main(int argc, char **argv)
{
    static const char usage[] =
        "usage: oodbench %s\n"
        "Lists the devices that `device:` can name, or why one cannot be used and what cures that.\n"
        "`device: auto` takes the first that is ready of cuda, cpu, ref.\n\n"
        "OODBENCH_KERNELS   folder of backends; default: kernels/ beside the program\n"
        "OODBENCH_CACHE     folder for what they measured; default: oodbench in $XDG_CACHE_HOME or ~/.cache\n";

    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr, usage, argv[0]);
        return help ? EXIT_OK : EXIT_CONFIG;
    }
    return device_each(print_device, NULL) == 0 ? EXIT_OK : -1;
}
