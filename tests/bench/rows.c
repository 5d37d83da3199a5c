/* rows.c - measurements as lines on the terminal and as rows of a CSV file that
 * is replaced as a whole. */
#include "bench.h"

#include "../../harness/fault.h"
#include "../../harness/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 128 };
static const char header[] = "machine,device,threads,name,size,unit,median,low,high,repeats,peak,peak_unit,share\n";
static measured rows[MOST];
static int count;

void rows_add(const measured *m)
{
    char share[16] = "", span[48];
    if (count == 0)
        printf("%-26s %-32s %10s %-9s %21s %4s %6s\n", "name", "size", "median", "unit", "middle half", "n",
               "peak");
    if (count == MOST)
        abort();
    rows[count++] = *m;
    if (m->peak > 0)
        snprintf(share, sizeof share, "%.1f %%", 100 * m->share);
    snprintf(span, sizeof span, "%.4g .. %.4g", m->low, m->high);
    printf("%-26s %-32s %10.4g %-9s %21s %4d %6s\n", m->name, m->size, m->median, m->unit, span, m->repeats, share);
    fflush(stdout);
}

static int is_new(const char *name, size_t length)
{
    for (int i = 0; i < count; i++)
        if (strlen(rows[i].name) == length && strncmp(rows[i].name, name, length) == 0)
            return 1;
    return 0;
}

/* Does this row of an older file stay? Not when it is of another device, or has
 * been measured again. Names and sizes hold neither commas nor quotes. */
static int stays(const char *line, const char *device)
{
    const char *field[5];
    field[0] = line;
    for (int i = 1; i < 5; i++) {
        const char *comma = strchr(field[i - 1], ',');
        if (!comma)
            return 0;
        field[i] = comma + 1;
    }
    size_t n = (size_t)(field[2] - field[1] - 1);
    int same_device = strlen(device) == n && strncmp(field[1], device, n) == 0;
    return !same_device || !is_new(field[3], (size_t)(field[4] - field[3] - 1));
}

static int keep_others(FILE *out, const char *path, const char *device)
{
    char *text, *rest, *line;
    size_t size;
    if (!file_exists(path))
        return 0;
    if (file_read(path, &text, &size) != 0)
        return -1;
    int known = strncmp(text, header, sizeof header - 1) == 0;
    for (rest = known ? text + sizeof header - 1 : NULL; known && (line = strsep(&rest, "\n")) != NULL;)
        if (stays(line, device))
            fprintf(out, "%s\n", line);
    free(text);
    return known
               ? 0
               : fault(
                     "%s: expected the columns %.40s..., found others: move the file away, or name another with -o",
                     path, header);
}

int rows_write(const char *path, const char *machine, const char *device)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fault("%s: no memory to write it", path);
    fputs(header, out);
    int rc = keep_others(out, path, device);
    for (int i = 0; i < count; i++) {
        const measured *m = &rows[i];
        fprintf(out, "%s,%s,%d,%s,%s,%s,%.9g,%.9g,%.9g,%d,", machine, device, machine_threads(), m->name, m->size,
                m->unit, m->median, m->low, m->high, m->repeats);
        if (m->peak > 0)
            fprintf(out, "%.9g,%s,%.9g\n", m->peak, m->peak_unit, m->share);
        else
            fprintf(out, ",,\n");
    }
    fclose(out);
    if (rc == 0)
        rc = file_write(path, text, size);
    free(text);
    return rc;
}
