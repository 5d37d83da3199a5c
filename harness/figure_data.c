/* figure_data.c - a figure's CSV field by field, and the reasons why it would be
 * an empty picture: no rows, too few, nothing that varies. */
#include "plot.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 32 };

struct figure_data {
    const figure *of;
    char *names, *header[MOST_COLUMNS];
    int columns, is_number[MOST_COLUMNS];
    char *row[MOST_COLUMNS], *first[MOST_COLUMNS]; /* the row in progress, the first whole one */
    int varied[MOST_COLUMNS];
    int filled, bad, rows, left_out;
    text csv, notes;
};

/* Is `word` among those of a list? */
static int listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list ? list : ""; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && strncmp(p, word, n) == 0)
            return 1;
    return 0;
}

figure_data *data_begin(const figure *of)
{
    figure_data *d = text_more(NULL, sizeof *d);
    *d = (figure_data){.of = of, .names = text_copy(of->columns)};
    char *rest = d->names;
    for (char *name; d->columns < MOST_COLUMNS && (name = strsep(&rest, " ")) != NULL; d->columns++) {
        d->header[d->columns] = name;
        d->is_number[d->columns] = listed(of->numbers, name);
    }
    sheet_line(&d->csv, (const char *const *)d->header, d->columns);
    return d;
}

static void clear_row(figure_data *d)
{
    for (int i = 0; i < d->filled; i++)
        free(d->row[i]);
    d->filled = d->bad = 0;
}

void data_free(figure_data *d)
{
    if (!d)
        return;
    clear_row(d);
    for (int i = 0; i < d->columns; i++)
        free(d->first[i]);
    text_free(&d->csv);
    text_free(&d->notes);
    free(d->names);
    free(d);
}

static void end_row(figure_data *d)
{
    d->left_out += d->bad;
    if (!d->bad) {
        sheet_line(&d->csv, (const char *const *)d->row, d->columns);
        for (int i = 0; i < d->columns; i++)
            if (d->rows == 0)
                d->first[i] = text_copy(d->row[i]);
            else
                d->varied[i] |= strcmp(d->first[i], d->row[i]) != 0;
        d->rows++;
    }
    clear_row(d);
}

void data_text(figure_data *d, const char *field)
{
    d->row[d->filled++] = text_copy(field);
    if (d->filled == d->columns)
        end_row(d);
}

void data_number(figure_data *d, double value)
{
    char number[32];
    snprintf(number, sizeof number, "%.9g", value == 0 ? 0 : value); /* no -0 */
    d->bad |= !isfinite(value);
    data_text(d, number);
}

void data_none(figure_data *d)
{
    data_text(d, "");
}

void data_note(figure_data *d, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    text_add(&d->notes, "%s\n", line);
}

/* A field as it was written before. */
static int take_back(figure_data *d, const char *path, int line, const char *field)
{
    char *end;
    if (!d->is_number[d->filled] || !field[0]) {
        data_text(d, field);
        return 0;
    }
    double v = strtod(field, &end);
    if (*end)
        return fault("%s:%d: `%s`: expected a number, found `%s`", path, line, d->header[d->filled], field);
    data_number(d, v);
    return 0;
}

int data_read(figure_data *d, const char *path)
{
    sheet *s;
    int rc = sheet_open(&s, path, (const char *const *)d->header, d->columns, SHEET_READ);
    if (rc != 0)
        return -1;
    for (int row = 0; rc == 0 && row < sheet_rows(s); row++)
        for (int i = 0; rc == 0 && i < d->columns; i++)
            rc = take_back(d, path, row + 2, sheet_at(s, row, i));
    sheet_close(s);
    return rc;
}

int data_end(figure_data *d)
{
    const figure *f = d->of;
    char but[64] = "";
    if (d->left_out) {
        data_note(d, "left out: %d row%s with NaN or infinity", d->left_out, d->left_out == 1 ? "" : "s");
        snprintf(but, sizeof but, " but %d with NaN or infinity", d->left_out);
    }
    if (d->rows == 0)
        return fault("plot %s: found no rows%s: nothing to draw; do RESULTS and options name what was computed?",
                     f->name, but);
    if (d->rows < f->least)
        return fault("plot %s: expected at least %d rows to draw, found %d%s: compute more, or ask for less narrow",
                     f->name, f->least, d->rows, but);
    for (int i = 0; i < d->columns; i++)
        if (listed(f->varies, d->header[i]) && !d->varied[i])
            return fault("plot %s: `%s` is %s in all of %d row%s: there is nothing to tell apart", f->name,
                         d->header[i], d->first[i], d->rows, d->rows == 1 ? "" : "s");
    return 0;
}

const text *data_csv(const figure_data *d)
{
    return &d->csv;
}

const char *data_notes(const figure_data *d)
{
    return text_str(&d->notes);
}
