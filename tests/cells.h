/* cells.h - trainings as their users' machine runs them: `oodbench cell FILE` in
 * a process of its own, on the images of colours.h. One test program includes
 * it once. A training's files are <folder>/<place>.* and <folder>/<place>/. */
#ifndef CELLS_H
#define CELLS_H

#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "colours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CELL_TRAIN_IMAGES = 40, CELL_BATCH = 8 }; /* five steps an epoch */

static char folder[512], build[4096];

/* What it is called, its method, and more lines of its cell file, each with `%`
 * for the folder. A line that begins with a key the file has already replaces it. */
typedef struct training {
    const char *run, *method, *more;
} training;

static inline int cells_begin(void **state)
{
    (void)state;
    char kernels[4200], cwd[2048] = "";
    const char *b = getenv("B") ? getenv("B") : "build", *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    if (b[0] != '/' && !getcwd(cwd, sizeof cwd))
        return -1;
    snprintf(build, sizeof build, "%s%s%.1000s", cwd, cwd[0] ? "/" : "", b);
    snprintf(kernels, sizeof kernels, "%s/kernels", build);
    setenv("OODBENCH_KERNELS", kernels, 1);
    setenv("OMP_NUM_THREADS", "1", 0); /* the nets are tiny, and machines that test are busy */
    snprintf(folder, sizeof folder, "%.400s/oodbench-cells-XXXXXX", tmp);
    if (!mkdtemp(folder))
        return -1;
    char *id = text_format("%s/id.h5", folder), *outliers = text_format("%s/outliers.h5", folder);
    int rc = colours_write(id, outliers, CELL_TRAIN_IMAGES, 15, 25);
    if (rc != 0)
        fprintf(stderr, "%s\n", fault_text());
    free(id);
    free(outliers);
    return rc;
}

static inline int cells_end(void **state)
{
    (void)state;
    char *command = text_format("rm -r '%s'", folder);
    int rc = system(command);
    free(command);
    return rc;
}

static inline char *in_place(const char *place, const char *rest)
{
    return text_format("%s/%s%s", folder, place, rest);
}

static inline int exists(const char *place, const char *rest)
{
    char *path = in_place(place, rest);
    int there = file_exists(path);
    free(path);
    return there;
}

/* Adds the lines of `usual` whose key no line of `more` has. */
static inline void add_usual(text *cell, const char *usual, const char *more)
{
    for (size_t n; *usual; usual += n) {
        size_t key = strcspn(usual, ":") + 1;
        int given = 0;
        n = strcspn(usual, "\n") + 1;
        for (const char *m = more; m && *m && !given; m = strchr(m, '\n') ? strchr(m, '\n') + 1 : NULL)
            given = strncmp(m, usual, key) == 0;
        if (!given)
            text_add(cell, "%.*s", (int)n, usual);
    }
}

/* The path of the cell file, to be freed. */
static inline char *write_cell(const training *t, const char *place)
{
    char *path = in_place(place, ".yml"), *out = in_place(place, "");
    char *usual = text_format(
        "cell: train\nrun: %s\nid: colours\nclasses: %d\nnet: resnet20\nseed: 5\ndevice: cpu\ncache: %s\n"
        "mean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\nout: %s.safetensors\ntrain: %s\n"
        "methods: %s/%s/%s.so\ndata.colours: %s/id.h5\noutliers: noise\ndata.noise: %s/outliers.h5\n"
        "epochs: 3\nbatch: %d\noutlier_batch: 10\nlr: 0.05\n",
        t->run, COLOURS, out, out, t->method, build, strcmp(t->method, "mortal") == 0 ? "tests/bad" : "methods",
        t->method, folder, folder, CELL_BATCH);
    text cell = {0};
    add_usual(&cell, usual, t->more);
    for (const char *m = t->more; *m; m++)
        text_add(&cell, "%.*s", *m == '%' ? (int)strlen(folder) : 1, *m == '%' ? folder : m);
    if (file_mkdirs(out) != 0 || file_write(path, cell.bytes, cell.n) != 0)
        fail_msg("%s", fault_text());
    text_free(&cell);
    free(usual);
    free(out);
    return path;
}

/* Starts a cell; what it prints is added to <place>.log. */
static inline pid_t start(const training *t, const char *place)
{
    char *cell = write_cell(t, place), *program = text_format("%s/oodbench", build), *log = in_place(place, ".log");
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(3);
        execl(program, program, "cell", cell, (char *)NULL);
        _exit(127);
    }
    free(cell);
    free(program);
    free(log);
    assert_true(pid > 0);
    return pid;
}

/* All that cells in this place have printed, to be freed. */
static inline char *printed(const char *place)
{
    char *path = in_place(place, ".log"), *bytes = NULL;
    size_t size;
    if (file_read(path, &bytes, &size) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return bytes;
}

#endif
