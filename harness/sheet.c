/* sheet.c - reading by libcsv; appending in one write; replacing a row rewrites
 * the file aside and renames it. */
#include "sheet.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sheet {
    char *path;
    const char *const *header;
    int columns, rows, cap;
    char ***fields; /* [rows][columns] */
};

/* libcsv, like others, drops blanks around a field without quotes. */
static int needs_quotes(const char *s)
{
    size_t n = strlen(s);
    return strpbrk(s, ",\"\r\n") || (n && (strchr(" \t", s[0]) || strchr(" \t", s[n - 1])));
}

void sheet_line(text *out, const char *const fields[], int columns)
{
    for (int i = 0; i < columns; i++) {
        const char *s = fields[i];
        if (i)
            text_char(out, ',');
        if (!needs_quotes(s)) {
            text_add(out, "%s", s);
            continue;
        }
        size_t n = csv_write(NULL, 0, s, strlen(s));
        char *quoted = text_more(NULL, n);
        csv_write(quoted, n, s, strlen(s));
        text_add(out, "%.*s", (int)n, quoted);
        free(quoted);
    }
    text_char(out, '\n');
}

static char **copy_row(const char *const fields[], int columns)
{
    char **row = text_more(NULL, (size_t)columns * sizeof *row);
    for (int i = 0; i < columns; i++)
        row[i] = text_copy(fields[i]);
    return row;
}

static void free_row(char **row, int columns)
{
    for (int i = 0; i < columns; i++)
        free(row[i]);
    free(row);
}

static void add_row(sheet *s, char **row)
{
    if (s->rows == s->cap)
        s->fields = text_more(s->fields, (size_t)(s->cap = 2 * s->cap + 64) * sizeof *s->fields);
    s->fields[s->rows++] = row;
}

/* Reading. */

typedef struct reader {
    sheet *s;
    char **row;
    int filled, line, failed;
} reader;

static void on_field(void *bytes, size_t n, void *arg)
{
    reader *r = arg;
    if (r->filled < r->s->columns)
        r->row[r->filled] = text_format("%.*s", (int)n, bytes ? (char *)bytes : "");
    r->filled++;
}

static int check_header(const reader *r)
{
    const sheet *s = r->s;
    int same = r->filled == s->columns;
    for (int i = 0; same && i < s->columns; i++)
        same = strcmp(r->row[i], s->header[i]) == 0;
    if (same)
        return 0;
    return fault("%s: expected a table with the %d columns `%s,%s,...,%s`, found %d that begin with `%.40s`: if "
                 "another version wrote it, move it away and compute it again; else name the right file",
                 s->path, s->columns, s->header[0], s->header[1], s->header[s->columns - 1], r->filled,
                 r->filled ? r->row[0] : "");
}

static void on_row(int end, void *arg)
{
    reader *r = arg;
    (void)end;
    r->line++;
    if (!r->failed && r->line == 1)
        r->failed = check_header(r);
    else if (!r->failed && r->filled != r->s->columns)
        r->failed = fault("%s:%d: expected %d fields, found %d: correct or delete this line", r->s->path, r->line,
                          r->s->columns, r->filled);
    int good = !r->failed && r->line > 1;
    if (good)
        add_row(r->s, copy_row((const char *const *)r->row, r->s->columns));
    for (int i = 0; i < r->filled && i < r->s->columns; i++)
        free(r->row[i]);
    r->filled = 0;
}

static int parse(sheet *s, const char *bytes, size_t size)
{
    struct csv_parser p;
    reader r = {.s = s, .row = text_more(NULL, (size_t)s->columns * sizeof *r.row)};
    if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0)
        text_out_of_memory(0);
    size_t done = csv_parse(&p, bytes, size, on_field, on_row, &r);
    if (!r.failed && (done != size || csv_fini(&p, on_field, on_row, &r) != 0))
        r.failed = fault("%s:%d: this is not CSV: %s; correct or delete this line", s->path, r.line + 1,
                         csv_strerror(csv_error(&p)));
    csv_free(&p);
    for (int i = 0; i < r.filled && i < s->columns; i++)
        free(r.row[i]);
    free(r.row);
    return r.failed ? -1 : 0;
}

/* Writing. */

static int rewrite(const sheet *s)
{
    text all = {0};
    sheet_line(&all, s->header, s->columns);
    for (int i = 0; i < s->rows; i++)
        sheet_line(&all, (const char *const *)s->fields[i], s->columns);
    int rc = file_write(s->path, all.bytes, all.n);
    text_free(&all);
    return rc;
}

/* All of the line or nothing of it. */
static int append(const sheet *s, const text *line)
{
    int fd = open(s->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return fault("cannot write %s: %s", s->path, strerror(errno));
    off_t before = lseek(fd, 0, SEEK_END);
    ssize_t wrote = write(fd, line->bytes, line->n);
    int why = wrote < 0 ? errno : ENOSPC;
    if (wrote != (ssize_t)line->n && ftruncate(fd, before) != 0)
        why = errno;
    if (close(fd) != 0 && wrote == (ssize_t)line->n) {
        why = errno;
        wrote = -1;
    }
    return wrote == (ssize_t)line->n ? 0 : fault("cannot write %s: %s", s->path, strerror(why));
}

int sheet_open(sheet **out, const char *path, const char *const header[], int columns, enum sheet_access access)
{
    char *bytes = NULL;
    size_t size = 0, whole;
    if ((access == SHEET_READ || file_exists(path)) && file_read(path, &bytes, &size) != 0)
        return -1;
    for (whole = size; whole > 0 && bytes[whole - 1] != '\n';)
        whole--; /* what follows the last line break is a torn line */
    sheet *s = text_more(NULL, sizeof *s);
    *s = (sheet){.path = text_copy(path), .header = header, .columns = columns};
    int rc = whole ? parse(s, bytes, whole) : 0;
    if (rc == 0 && access == SHEET_READ && !whole)
        rc = fault("%s: expected a table of results, found an empty file", path);
    if (rc == 0 && access == SHEET_WRITE && (whole != size || !whole))
        rc = rewrite(s);
    free(bytes);
    if (rc == 0)
        *out = s;
    else
        sheet_close(s);
    return rc;
}

void sheet_close(sheet *s)
{
    for (int i = 0; s && i < s->rows; i++)
        free_row(s->fields[i], s->columns);
    if (s) {
        free(s->fields);
        free(s->path);
    }
    free(s);
}

void sheet_join(sheet *s, const sheet *more)
{
    for (int i = 0; i < more->rows; i++)
        add_row(s, copy_row((const char *const *)more->fields[i], s->columns));
}

int sheet_rows(const sheet *s)
{
    return s->rows;
}

const char *sheet_at(const sheet *s, int row, int column)
{
    return s->fields[row][column];
}

int sheet_find(const sheet *s, int column_a, const char *a, int column_b, const char *b)
{
    for (int i = s->rows - 1; i >= 0; i--)
        if (strcmp(s->fields[i][column_a], a) == 0 && strcmp(s->fields[i][column_b], b) == 0)
            return i;
    return -1;
}

int sheet_put(sheet *s, int row, const char *const fields[])
{
    char **fresh = copy_row(fields, s->columns);
    if (row >= 0) {
        free_row(s->fields[row], s->columns);
        s->fields[row] = fresh;
        return rewrite(s);
    }
    add_row(s, fresh);
    text line = {0};
    sheet_line(&line, fields, s->columns);
    int rc = append(s, &line);
    text_free(&line);
    return rc;
}

int sheet_remove(sheet *s, int row)
{
    free_row(s->fields[row], s->columns);
    memmove(&s->fields[row], &s->fields[row + 1], (size_t)(s->rows - row - 1) * sizeof *s->fields);
    s->rows--;
    return rewrite(s);
}

int sheet_keep(sheet *s, const char keep[])
{
    int kept = 0;
    for (int i = 0; i < s->rows; i++) {
        if (keep[i])
            s->fields[kept++] = s->fields[i];
        else
            free_row(s->fields[i], s->columns);
    }
    int changed = kept != s->rows;
    s->rows = kept;
    return changed ? rewrite(s) : 0;
}

/* Row `row` of rank `rank`, behind all of its rank that come before. */
typedef struct placed {
    int rank, row;
} placed;

static int in_order(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : (x->row > y->row) - (x->row < y->row);
}

int sheet_arrange(sheet *s, const int rank[])
{
    placed *of = text_more(NULL, ((size_t)s->rows + 1) * sizeof *of);
    char ***fields = text_more(NULL, ((size_t)s->rows + 1) * sizeof *fields);
    int n = 0, moved = 0, next = 0;
    for (int i = 0; i < s->rows; i++) {
        fields[i] = s->fields[i];
        if (rank[i] >= 0)
            of[n++] = (placed){rank[i], i};
    }
    qsort(of, (size_t)n, sizeof *of, in_order);
    for (int i = 0; i < s->rows; i++)
        if (rank[i] >= 0) {
            moved |= of[next].row != i;
            s->fields[i] = fields[of[next++].row];
        }
    free(of);
    free(fields);
    return moved ? rewrite(s) : 0;
}
