/* trained.h - for tests that train in their own process: a folder with the sets of
 * colours.h and the files of a training, and what its diagnostics say. Included by
 * one file of a program. */
#ifndef TRAINED_H
#define TRAINED_H

#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "colours.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[4096], id_path[4200], outlier_path[4200], out_path[4200], csv_path[4200];

/* Makes the folder and the sets, opens the device; -1, having said why. */
static inline int trained_begin(const char *test, int64_t train, int64_t val, int64_t auxiliary)
{
    const char *tmp = getenv("TMPDIR");
    tested_kernels();
    snprintf(folder, sizeof folder, "%s/oodbench-%s.XXXXXX", tmp ? tmp : "/tmp", test);
    if (!mkdtemp(folder))
        return -1;
    snprintf(id_path, sizeof id_path, "%s/id.h5", folder);
    snprintf(outlier_path, sizeof outlier_path, "%s/outliers.h5", folder);
    snprintf(out_path, sizeof out_path, "%s/out.safetensors", folder);
    snprintf(csv_path, sizeof csv_path, "%s/train.csv", folder);
    if (colours_write(id_path, outlier_path, train, val, auxiliary) == 0 && device_open(tested_device(), 0) == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

/* A column of the diagnostics in an epoch, counted from 1; NaN without one. */
static inline double diagnostic(const char *key, int epoch)
{
    char *text, *rest, *line, *cell;
    size_t size;
    int column = -1;
    double value = NAN;
    assert_int_equal(file_read(csv_path, &text, &size), 0);
    rest = text;
    for (int row = 0; (line = strsep(&rest, "\n")) && *line; row++)
        for (int j = 0; (cell = strsep(&line, ",")); j++) {
            column = row == 0 && strcmp(cell, key) == 0 ? j : column;
            value = row == epoch && row > 0 && j == column ? strtod(cell, NULL) : value;
        }
    free(text);
    return value;
}

#endif
