/* diagnostics.c - means of an epoch, kept for all epochs: a few kilobytes. */
#include "diagnostics.h"
#include "engine.h"
#include "fault.h"
#include "file.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32, KEY = 32 };

typedef double row[MOST_COLUMNS]; /* NaN: nothing noted */

typedef struct table { /* without gaps: it is packed as it stands */
    char keys[MOST_COLUMNS][KEY];
    row sum;                     /* of the epoch in progress */
    int64_t count[MOST_COLUMNS]; /* what was noted in it */
    int64_t columns, epochs;     /* epochs: rows that are finished */
} table;

struct diagnostics {
    char path[4096];
    table t;
    row *rows;
    int64_t room;
};

diagnostics *diagnostics_begin(const char *path, const char *const first[])
{
    diagnostics *d = pool_host(sizeof *d);
    snprintf(d->path, sizeof d->path, "%s", path ? path : "");
    for (; first && first[d->t.columns] && d->t.columns < MOST_COLUMNS; d->t.columns++)
        snprintf(d->t.keys[d->t.columns], KEY, "%s", first[d->t.columns]);
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
    while (i < d->t.columns && strcmp(d->t.keys[i], key) != 0)
        i++;
    return i;
}

int diagnostics_note(diagnostics *d, const char *key, double value)
{
    int i = find(d, key);
    size_t n = strlen(key);
    if (i == d->t.columns) {
        if (n == 0 || n >= KEY || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") != n)
            return fault("diagnostics: `%s` is no column name: lower case, digits and _, at most %d", key, KEY - 1);
        if (i == MOST_COLUMNS)
            return fault("diagnostics: `%s` would be column %d, at most %d are kept", key, i + 1, MOST_COLUMNS);
        memcpy(d->t.keys[d->t.columns++], key, n + 1);
    }
    d->t.sum[i] += value;
    d->t.count[i]++;
    return 0;
}

double diagnostics_mean(const diagnostics *d, const char *key)
{
    int i = find(d, key);
    return i < d->t.columns && d->t.count[i] ? d->t.sum[i] / (double)d->t.count[i] : 0;
}

static int write_file(const diagnostics *d)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return fault("out of memory for %s", d->path);
    fputs("epoch", f);
    for (int i = 0; i < d->t.columns; i++)
        fprintf(f, ",%s", d->t.keys[i]);
    for (int64_t e = 0; e < d->t.epochs; e++) {
        fprintf(f, "\n%lld", (long long)e + 1);
        for (int i = 0; i < d->t.columns; i++)
            fprintf(f, isnan(d->rows[e][i]) ? "," : ",%.9g", d->rows[e][i]);
    }
    fputc('\n', f);
    fclose(f);
    int rc = d->path[0] ? file_write(d->path, text, size) : 0;
    free(text);
    return rc;
}

static int make_room(diagnostics *d, int64_t epochs)
{
    if (epochs <= d->room)
        return 0;
    int64_t room = epochs > 64 ? 2 * epochs : 64;
    row *rows = realloc(d->rows, (size_t)room * sizeof *rows);
    if (!rows)
        return fault("out of memory for %s", d->path);
    d->rows = rows;
    d->room = room;
    return 0;
}

int diagnostics_epoch(diagnostics *d)
{
    if (make_room(d, d->t.epochs + 1) != 0)
        return -1;
    for (int i = 0; i < MOST_COLUMNS; i++) {
        d->rows[d->t.epochs][i] = d->t.count[i] ? d->t.sum[i] / (double)d->t.count[i] : NAN;
        d->t.sum[i] = 0;
        d->t.count[i] = 0;
    }
    d->t.epochs++;
    return write_file(d);
}

/* As bytes. */

size_t diagnostics_bytes(const diagnostics *d)
{
    return sizeof d->t + (size_t)d->t.epochs * sizeof *d->rows;
}

void diagnostics_pack(const diagnostics *d, void *to)
{
    memcpy(to, &d->t, sizeof d->t);
    if (d->t.epochs)
        memcpy((char *)to + sizeof d->t, d->rows, (size_t)d->t.epochs * sizeof *d->rows);
}

int diagnostics_unpack(diagnostics *d, const void *from, size_t bytes)
{
    table t;
    if (bytes < sizeof t)
        return 0;
    memcpy(&t, from, sizeof t);
    size_t rows = bytes - sizeof t;
    if (t.columns < 0 || t.columns > MOST_COLUMNS || t.epochs < 0 || rows % sizeof(row) != 0 ||
        (uint64_t)t.epochs != rows / sizeof(row))
        return 0;
    if (make_room(d, t.epochs) != 0)
        return -1;
    d->t = t;
    if (rows)
        memcpy(d->rows, (const char *)from + sizeof t, rows);
    return t.epochs == 0 || write_file(d) == 0 ? 1 : -1;
}
