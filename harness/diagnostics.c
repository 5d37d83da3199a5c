/* diagnostics.c - means of an epoch, kept for all epochs: a few kilobytes. */
#include "diagnostics.h"
#include "engine.h"
#include "fault.h"
#include "file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32, KEY = 32 };

struct diagnostics {
    char path[4096];
    char keys[MOST_COLUMNS][KEY];
    int columns;
    double sum[MOST_COLUMNS];
    long count[MOST_COLUMNS];
    double (*rows)[MOST_COLUMNS]; /* NaN: nothing noted */
    size_t epochs, room;
};

diagnostics *diagnostics_begin(const char *path, const char *const first[])
{
    diagnostics *d = pool_host(sizeof *d);
    snprintf(d->path, sizeof d->path, "%s", path);
    for (; first && first[d->columns] && d->columns < MOST_COLUMNS; d->columns++)
        snprintf(d->keys[d->columns], KEY, "%s", first[d->columns]);
    return d;
}

void diagnostics_end(diagnostics *d)
{
    if (d)
        free(d->rows);
    free(d);
}

static int find(const diagnostics *d, const char *key)
{
    int i = 0;
    while (i < d->columns && strcmp(d->keys[i], key) != 0)
        i++;
    return i;
}

int diagnostics_note(diagnostics *d, const char *key, double value)
{
    int i = find(d, key);
    size_t n = strlen(key);
    if (i == d->columns) {
        if (n == 0 || n >= KEY || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
            return fault("diagnostics: `%s` is no column name: lower case, digits and _, at most %d", key, KEY - 1);
        if (i == MOST_COLUMNS)
            return fault("diagnostics: `%s` would be column %d, at most %d are kept", key, i + 1, MOST_COLUMNS);
        memcpy(d->keys[d->columns++], key, n + 1);
    }
    d->sum[i] += value;
    d->count[i]++;
    return 0;
}

double diagnostics_mean(const diagnostics *d, const char *key)
{
    int i = find(d, key);
    return i < d->columns && d->count[i] ? d->sum[i] / (double)d->count[i] : 0;
}

static int write_file(const diagnostics *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return fault("out of memory for %s", d->path);
    fputs("epoch", f);
    for (int i = 0; i < d->columns; i++)
        fprintf(f, ",%s", d->keys[i]);
    for (size_t e = 0; e < d->epochs; e++) {
        fprintf(f, "\n%zu", e + 1);
        for (int i = 0; i < d->columns; i++)
            fprintf(f, isnan(d->rows[e][i]) ? "," : ",%.9g", d->rows[e][i]);
    }
    fputc('\n', f);
    fclose(f);
    int rc = file_write(d->path, text, size);
    free(text);
    return rc;
}

int diagnostics_epoch(diagnostics *d)
{
    if (d->epochs == d->room) {
        size_t room = d->room ? 2 * d->room : 64;
        void *rows = realloc(d->rows, room * sizeof *d->rows);
        if (!rows)
            return fault("out of memory for %s", d->path);
        d->rows = rows;
        d->room = room;
    }
    for (int i = 0; i < MOST_COLUMNS; i++) {
        d->rows[d->epochs][i] = d->count[i] ? d->sum[i] / (double)d->count[i] : NAN;
        d->sum[i] = 0;
        d->count[i] = 0;
    }
    d->epochs++;
    return write_file(d);
}
