/* bench.c - measures what the project promises about speed: `make bench`, or
 * `make bench OP=NAME` for one name or all that begin with it.
 *
 * Every subject is warmed up, then repeated, with the caches overwritten before
 * each repeat. Its median stands beside the middle half of the repeats and the
 * share of the best that the machine reached in the same run. On a graphics card
 * (`make bench DEVICE=cuda`) the card is the machine. */
#include "bench.h"
#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/spawn.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM = 2, WARM_CARD = 5, MOST = 200 }; /* a card launches a step as one graph from the fourth on */
#define SECONDS 2.0                           /* of repeats, where there are enough of them earlier */
#define FLUSH ((size_t)64 << 20)

static const subject peak_subjects[] = {
    {.name = "peak-f32", .size = "fused multiply-adds", .peak = PEAK_F32},
    {.name = "peak-tf32", .size = "fused multiply-adds", .peak = PEAK_TF32, .card = 1},
    {.name = "peak-bf16", .size = "products of pairs", .peak = PEAK_BF16},
    {.name = "peak-memory", .size = "triad of 3 x 64 MiB", .peak = PEAK_MEMORY},
    {.name = NULL},
};
static const subject *const tables[] = {net_subjects,    step_subjects,    pipeline_subjects, startup_subjects,
                                        scorer_subjects, peer_subjects,    odin_subjects,     scoring_subjects,
                                        import_subjects, corrupt_subjects, tsne_subjects,     landscape_subjects,
                                        photo_subjects};
enum { TABLES = sizeof tables / sizeof *tables };

static double peaks[PEAKS];

static void flush_caches(void)
{
    static char *memory;
    static int turn;
    if (!memory)
        memory = pool_host(FLUSH);
    memset(memory, ++turn, FLUSH);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One repeat: its seconds, or the figure that the subject takes itself. */
static double once(const subject *s)
{
    if (s->figure)
        return s->figure(s);
    double began = clock_now();
    s->run(s);
    return clock_now() - began;
}

/* Seconds or figures of all repeats, sorted. */
static int repeat(const subject *s, double found[MOST])
{
    int n = 0;
    for (int i = 0; i < (card_is_open() ? WARM_CARD : WARM); i++)
        once(s);
    for (double all = 0; n < MOST && (n < s->least || all < SECONDS); n++) {
        flush_caches();
        double began = clock_now();
        found[n] = once(s);
        all += clock_now() - began;
    }
    qsort(found, (size_t)n, sizeof *found, by_size);
    return n;
}

floor_of floor_for(enum peak limit)
{
    return (floor_of){card_is_open() ? peaks[limit] : 0, peaks[PEAK_MEMORY], limit == PEAK_BF16 ? 2 : 4};
}

/* What the subject is held against, and how much of it was reached. */
static void compare(const subject *s, measured *m, double middle, double amount, double own, double least)
{
    if (least > 0) {
        m->peak = strcmp(s->unit, "s") == 0 ? least : amount / least;
        m->peak_unit = s->unit;
        m->share = least / middle;
        return;
    }
    m->peak = s->peak == PEAK_OWN ? own : peaks[s->peak];
    m->peak_unit = s->peak == PEAK_OWN ? s->unit : peak_unit(s->peak);
    if (m->peak > 0)
        m->share = s->peak == PEAK_OWN ? m->median / own : s->cost / middle / m->peak;
}

static int measure(const subject *s)
{
    double t[MOST], own, least;
    int rc = s->begin(s);
    if (rc > 0)
        printf("%-26s left out: %s\n", s->name, fault_text());
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    int n = repeat(s, t), rate = !s->figure && strcmp(s->unit, "s") != 0;
    double amount = s->count ? s->count(s) : s->amount;
    own = s->own_peak ? s->own_peak(s) : 0;
    least = s->floor && floor_for(s->peak).rate > 0 ? s->floor(s) : 0;
    s->end(s);
    double middle = t[n / 2], first = t[n / 4], third = t[n - 1 - n / 4];
    measured m = {.name = s->name, .size = s->size, .unit = s->unit, .repeats = n};
    m.median = rate ? amount / middle : middle;
    m.low = rate ? amount / third : first;
    m.high = rate ? amount / first : third;
    compare(s, &m, middle, amount, own, least);
    rows_add(&m);
    return 0;
}

static void measure_peaks(void)
{
    static char size[PEAKS][64];
    for (const subject *s = peak_subjects; s->name; s++) {
        int card = card_is_open();
        peak_found p = card ? card_peak(s->peak) : peak_measure(s->peak);
        if (!p.how) {
            if (card || !s->card)
                printf("%-26s left out: %s\n", s->name,
                       card ? "no cuBLAS to be had, or no memory" : "this processor has no such instructions");
            continue;
        }
        peaks[s->peak] = p.best;
        snprintf(size[s->peak], sizeof size[0], card ? "%s%s" : "%s (%s)", card ? "" : s->size, p.how);
        rows_add(&(measured){.name = s->name,
                             .size = size[s->peak],
                             .unit = peak_unit(s->peak),
                             .median = p.median,
                             .low = p.low,
                             .high = p.high,
                             .repeats = p.tries});
    }
}

/* "resnet20" asks for all that begins with it and a dash. */
static int asked(const subject *s, int n, char *const names[])
{
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(s->name, names[i], length) == 0 && (s->name[length] == '\0' || s->name[length] == '-'))
            return 1;
    }
    return n == 0;
}

static int known(char *name)
{
    for (int t = 0; t < TABLES; t++)
        for (const subject *s = tables[t]; s->name; s++)
            if (asked(s, 1, &name))
                return 1;
    return 0;
}

static int refuse(const char *name)
{
    fprintf(stderr, "bench: there is no `%s`; known are", name);
    for (int t = 0; t < TABLES; t++)
        for (const subject *s = tables[t]; s->name; s++)
            fprintf(stderr, " %s", s->name);
    fprintf(stderr, "\n");
    return EXIT_CONFIG;
}

/* With the device opened as the subject wants it; what could not be measured is
 * said, and is one failure. */
static int measure_with(const subject *s)
{
    static unsigned flags;
    static char device[32];
    int rc = 0;
    if (!device[0])
        snprintf(device, sizeof device, "%s", device_name());
    if (s->flags != flags) {
        device_close();
        rc = device_open(device, s->flags);
        flags = rc == 0 ? s->flags : ~0u;
    }
    if (rc == 0)
        rc = measure(s);
    if (rc != 0)
        fprintf(stderr, "bench: %s: %s\n", s->name, fault_text());
    return rc != 0;
}

static int run_all(const char *path, const char *device, int n, char *const names[])
{
    char text[256], machine[96], own[256];
    int failures = 0;
    if (device_open(device, 0) != 0)
        return -1;
    device_describe(text, sizeof text);
    if (card_is_open())
        card_name(machine);
    else
        machine_name(machine);
    printf("%s, %s, %d threads\n", machine, text, machine_threads());
    snprintf(own, sizeof own, "results/bench/%s.csv", machine);
    path = path ? path : own;
    measure_peaks();
    card_close();
    int card = card_is_open(); /* what is a card's alone would take a processor minutes */
    device = card ? "cuda" : device_name();
    for (int t = 0; t < TABLES; t++)
        for (const subject *s = tables[t]; s->name; s++) {
            if (!asked(s, n, names) || (s->card && !card))
                continue;
            failures += measure_with(s);
            if (rows_write(path, machine, device) != 0) /* each time: the next may end the process */
                return -1;
        }
    device_close();
    printf("written to %s\n", path);
    return failures ? fault("%d could not be measured", failures) : 0;
}

/* Libraries read these when they are loaded, so the program starts once more.
 * B is the build folder: this program is <build>/tests/bench/bench. */
static void settle_environment(char **argv)
{
    char folder[3000], kernels[3100];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof folder - 1);
    folder[n < 0 ? 0 : n] = '\0';
    for (int up = 0; up < 3 && strrchr(folder, '/'); up++)
        *strrchr(folder, '/') = '\0';
    snprintf(kernels, sizeof kernels, "%s/kernels", folder);
    setenv("B", folder, 1);
    setenv("OODBENCH_KERNELS", kernels, 0);
    if (getenv("OODBENCH_BENCH"))
        return;
    setenv("OODBENCH_BENCH", "1", 1);
    spawn_environment(machine_threads());
    execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
    const char *path = NULL, *device = "auto";
    settle_environment(argv);
    static const struct option longer[] = {
        {"device", required_argument, NULL, 'd'}, {"out", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "o:d:h", longer, NULL)) != -1;) {
        if (o == 'o') {
            path = optarg;
        } else if (o == 'd') {
            device = optarg;
        } else {
            fprintf(o == 'h' ? stdout : stderr, "bench [--out FILE.csv] [--device DEVICE] [NAME ...]\n");
            return o == 'h' ? EXIT_OK : EXIT_CONFIG;
        }
    }
    for (int i = optind; i < argc; i++)
        if (!known(argv[i]))
            return refuse(argv[i]);
    if (run_all(path, device, argc - optind, argv + optind) == 0)
        return EXIT_OK;
    fprintf(stderr, "bench: %s\n", fault_text());
    return EXIT_CONFIG;
}
