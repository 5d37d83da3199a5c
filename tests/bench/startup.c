/* startup.c - from the start of a cell's process until all is open that its scorer
 * needs: device, network, checkpoint and plugin. The cell is sent after a data set
 * that is not there, so it ends where its work would begin. */
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../harness/spawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {"resnet20", "resnet18-32"};
static char folder[4096], file[4200], weights[4200], program[4200];
static int arrived; /* at the data set */

static int write_cell(const char *name)
{
    FILE *f = fopen(file, "w");
    if (!f)
        return fault("cannot write %s", file);
    fprintf(f,
            "cell: score\nrun: bench\nid: none\ndata.none: %s/none.h5\ncache: %s\nmethods: %s/methods/knn.so\n"
            "score: knn\nnet: %s\nclasses: 10\nweights: %s\nmean: [0.5, 0.5, 0.5]\nstd: [0.5, 0.5, 0.5]\n"
            "seed: 0\ndevice: %s\nprecision: f32\n",
            folder, folder, getenv("B"), name, weights, device_name());
    return fclose(f) == 0 ? 0 : fault("cannot write %s", file);
}

static void end(const subject *s)
{
    (void)s;
    unlink(file);
    unlink(weights);
    rmdir(folder);
}

static int begin(const subject *s)
{
    const char *tmp = getenv("TMPDIR"), *name = names[s->number];
    struct net *of;
    snprintf(folder, sizeof folder, "%.4000s/oodbench-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return fault("cannot make a folder in %s", tmp ? tmp : "/tmp");
    snprintf(file, sizeof file, "%s/cell.yml", folder);
    snprintf(weights, sizeof weights, "%s/net.safetensors", folder);
    snprintf(program, sizeof program, "%.4000s/oodbench", getenv("B"));
    int rc = nn_build(&of, name, 10, 1);
    if (rc == 0) {
        rc = nn_save(of, weights, NULL);
        nn_free(of);
    }
    if (rc == 0)
        rc = write_cell(name);
    if (rc != 0)
        end(s);
    return rc;
}

static void hear(void *arg, char *line)
{
    (void)arg;
    arrived |= strncmp(line, "status\t", 7) == 0 && strstr(line, "none.h5") != NULL;
}

static void run(const subject *s)
{
    outcome o;
    char cell[] = "cell", *argv[] = {program, cell, file, NULL};
    arrived = 0;
    if (spawn_run(&o, &(job){.argv = argv, .report_fd = 3, .timeout_s = 60, .report = hear}) == 0 && arrived)
        return;
    fprintf(stderr, "bench: %s: the cell did not get to its data: %s\n", s->name, o.last);
    exit(EXIT_CONFIG);
}

#define START(label, which)                                                                                        \
    {                                                                                                              \
        .name = "startup-" label, .size = "a cell, until it is ready", .unit = "s", .amount = 1, .least = 15,      \
        .begin = begin, .run = run, .end = end, .number = which                                                    \
    }
const subject startup_subjects[] = {START("resnet20", 0), START("resnet18", 1), {.name = NULL}};
