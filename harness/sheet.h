/* sheet.h - a CSV file with a fixed header, held in memory and kept on disk:
 * what was put is there whatever happens afterwards. A row is one write; a last
 * line that a crash cut short is dropped when the file is opened again. Fields
 * are text without line breaks. Functions return 0, or -1 with fault() set. */
#ifndef SHEET_H
#define SHEET_H

typedef struct sheet sheet;

/* Reads `path`, whose header must be `header[columns]`. For writing, a missing
 * or empty file is created; the caller sees to it that there is one writer. */
enum sheet_access { SHEET_READ, SHEET_WRITE };
int sheet_open(sheet **s, const char *path, const char *const header[], int columns, enum sheet_access access);
void sheet_close(sheet *s);

/* The rows of another sheet of the same header behind these, in memory only. */
void sheet_join(sheet *s, const sheet *more);

int sheet_rows(const sheet *s);
const char *sheet_at(const sheet *s, int row, int column);

/* The last row that has these texts in these columns, or -1. */
int sheet_find(const sheet *s, int column_a, const char *a, int column_b, const char *b);

/* Adds a row, or replaces row number `row` when that is not -1. */
int sheet_put(sheet *s, int row, const char *const fields[]);
int sheet_remove(sheet *s, int row);         /* those behind it move up */
int sheet_keep(sheet *s, const char keep[]); /* removes all rows whose byte is 0 */

/* Rows whose rank is not -1 change places among themselves until ranks ascend; of
 * equal ones the earlier stays ahead. The file is rewritten when one has moved. */
int sheet_arrange(sheet *s, const int rank[]);

/* Appends one CSV line, fields quoted where they must be. */
struct text;
void sheet_line(struct text *out, const char *const fields[], int columns);

#endif
