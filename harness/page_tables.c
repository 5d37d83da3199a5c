/* page_tables.c - what failed, the tables that `oodbench table` prints, and what searches
 * tried. */
#include "accuracies.h"
#include "file.h"
#include "headings.h"
#include "left_out.h"
#include "page.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_LINES = 20 };

static const char *field(const page *p, int row, enum result_column column)
{
    return sheet_at(p->results, row, column);
}

/* Failures. */

static int same_failure(const page *p, int a, int b)
{
    return strcmp(field(p, a, RESULT_RUN), field(p, b, RESULT_RUN)) == 0 &&
           strcmp(field(p, a, RESULT_STATUS), field(p, b, RESULT_STATUS)) == 0;
}

/* Is there an earlier row that failed in the same cell for the same reason? */
static int is_listed(const page *p, int row)
{
    for (int i = 0; i < row; i++)
        if (same_failure(p, i, row))
            return 1;
    return 0;
}

static char *sets_of(const page *p, int row)
{
    text t = {0};
    for (int i = row; i < sheet_rows(p->results); i++)
        if (same_failure(p, i, row))
            text_add(&t, "%s%s%s", t.n ? ", " : "", result_spectrum(field(p, i, RESULT_GROUP)) ? "fs-" : "",
                     field(p, i, RESULT_OOD));
    return t.bytes;
}

/* "oe + knn k=50, seed 1". */
static char *cell_name(const page *p, int row)
{
    const char *train = field(p, row, RESULT_TRAIN), *params = field(p, row, RESULT_SCORE_PARAMS);
    return text_format("%s%s%s%s%s, seed %s", train, *train ? " + " : "", field(p, row, RESULT_SCORE),
                       *params ? " " : "", params, field(p, row, RESULT_SEED));
}

/* Where its last lines begin. */
static const char *last_lines(const char *bytes, size_t n)
{
    const char *p = bytes + n;
    for (int lines = 0; p > bytes; p--)
        if (p[-1] == '\n' && p != bytes + n && ++lines == LOG_LINES)
            break;
    return p;
}

/* What the cell said in the end. */
static void put_log(const page *p, int row, const char *name)
{
    for (int i = 0; i < p->n; i++) {
        char *path = text_format("%s/cache/%s.log", p->sources[i].folder, field(p, row, RESULT_RUN)), *bytes;
        size_t n;
        if (file_exists(path) && file_read(path, &bytes, &n) == 0) {
            fputs("<details><summary>What ", p->to);
            html_text(p->to, "%s, said", name);
            fputs("</summary><pre tabindex=\"0\">", p->to);
            html_text(p->to, "%s", last_lines(bytes, n));
            fputs("</pre></details>\n", p->to);
            free(bytes);
        }
        free(path);
    }
}

/* A line per cell and reason: a scorer that crashed has no row for any set, for one reason. */
int page_failures(page *p)
{
    static const char *const titles[] = {"cell", "reason", "sets"};
    enum { COLUMNS = sizeof titles / sizeof *titles };
    int n = 0, *first = text_more(NULL, (size_t)sheet_rows(p->results) * sizeof *first);
    for (int row = 0; row < sheet_rows(p->results); row++)
        if (!result_ok(p->results, row) && !is_listed(p, row))
            first[n++] = row;
    matrix m = matrix_new(n + 1, COLUMNS, COLUMNS);
    for (int k = 0; k < COLUMNS; k++)
        *matrix_at(&m, 0, k) = text_copy(titles[k]);
    for (int i = 0; i < n; i++) {
        char *cells[COLUMNS] = {cell_name(p, first[i]), text_copy(field(p, first[i], RESULT_STATUS)),
                                sets_of(p, first[i])};
        memcpy(matrix_at(&m, i + 1, 0), cells, sizeof cells);
    }
    if (n)
        html_matrix(p->to, &m,
                    &(caption){"Failures", "rows of one cell that failed for one reason stand together", NULL});
    for (int i = 0; i < n; i++)
        put_log(p, first[i], *matrix_at(&m, i + 1, 0));
    matrix_free(&m);
    free(first);
    return 0;
}

/* Results. */

/* The groups' means in the two usual metrics; every set and the other metrics are folded. */
int page_results(page *p)
{
    table_options paper = {.format = TABLE_HTML, .layout = TABLE_PAPER, .heading = heading_of};
    table_options sets = {
        .format = TABLE_HTML, .metrics = "fpr95,auroc,aupr_in,aupr_out,fpr95_id", .heading = heading_of};
    int row = sheet_rows(p->results) - 1;
    while (row >= 0 && !result_ok(p->results, row))
        row--;
    if (row < 0) {
        fputs("<p class=\"failed\">No row has a result.</p>\n", p->to);
        return 0;
    }
    char *results = page_path(&p->sources[0], "results"), *left_out = p->n == 1 ? left_out_beside(results) : NULL;
    paper.left_out = sets.left_out = left_out;
    int rc = table_print(p->to, p->results, NULL, &paper);
    fputs("<details><summary>Every set, in every metric</summary>\n", p->to);
    rc = rc == 0 ? table_print(p->to, p->results, NULL, &sets) : -1;
    fputs("</details>\n", p->to);
    free(left_out);
    free(results);
    return rc;
}

int page_shift(page *p)
{
    const table_options o = {.format = TABLE_HTML};
    for (int row = 0; p->accuracy && row < sheet_rows(p->accuracy); row++)
        if (strcmp(sheet_at(p->accuracy, row, ACCURACY_SET), sheet_at(p->accuracy, row, ACCURACY_ID)) != 0)
            return accuracies_print(p->to, p->accuracy, &o);
    return 0; /* of no shifted set */
}

/* Search. */

static const char *point(const page *p, int row, enum search_column column)
{
    return sheet_at(p->search, row, column);
}

typedef struct searched { /* the points of one run stand together, wherever they are in the file */
    int first, chosen;    /* rows; chosen: -1 before one was */
    int n, failed;
    double lowest, highest, seconds;
} searched;

static searched *of_run(const page *p, searched **list, int *n, int row)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(point(p, (*list)[i].first, SEARCH_RUN), point(p, row, SEARCH_RUN)) == 0)
            return &(*list)[i];
    *list = text_more(*list, (size_t)(*n + 1) * sizeof **list);
    (*list)[*n] = (searched){.first = row, .chosen = -1};
    return &(*list)[(*n)++];
}

static void take_point(const page *p, searched *s, int row)
{
    int ok = strcmp(point(p, row, SEARCH_STATUS), "ok") == 0;
    double v = strtod(point(p, row, SEARCH_AUROC), NULL);
    if (strcmp(point(p, row, SEARCH_CHOSEN), "true") == 0)
        s->chosen = row;
    if (ok && (s->n == s->failed || v < s->lowest))
        s->lowest = v;
    if (ok && (s->n == s->failed || v > s->highest))
        s->highest = v;
    s->n++;
    s->failed += !ok;
    s->seconds += strtod(point(p, row, SEARCH_SECONDS), NULL);
}

/* "oe + knn, seed 1", as far as searches differ in it. */
static char *name_of(const page *p, int row)
{
    const char *train = point(p, row, SEARCH_TRAIN);
    int seeds = page_varies(p->search, SEARCH_SEED);
    return text_format("%s%s%s%s%s", train, *train ? " + " : "", point(p, row, SEARCH_SCORE),
                       seeds ? ", seed " : "", seeds ? point(p, row, SEARCH_SEED) : "");
}

/* A line per search: what was chosen, and how much there was to choose from. */
static void put_searched(const page *p, const searched *list, int n)
{
    static const char *const titles[] = {"scorer", "AUROC ↑", "lowest", "points", "refused", "seconds", "chosen"};
    enum { COLUMNS = sizeof titles / sizeof *titles, LABELS = 1 };
    matrix m = matrix_new(n + 1, COLUMNS, LABELS);
    for (int i = 0; i < COLUMNS; i++)
        *matrix_at(&m, 0, i) = text_copy(titles[i]);
    for (int i = 0; i < n; i++) {
        const searched *s = &list[i];
        int any = s->n > s->failed;
        char *cells[COLUMNS] = {name_of(p, s->first),
                                any ? text_format("%.2f", s->highest) : text_copy("-"),
                                any ? text_format("%.2f", s->lowest) : text_copy("-"),
                                text_format("%d", s->n),
                                text_format("%d", s->failed),
                                text_format("%.3g", s->seconds),
                                page_spaced(s->chosen < 0 ? "-" : point(p, s->chosen, SEARCH_SCORE_PARAMS))};
        memcpy(matrix_at(&m, i + 1, 0), cells, sizeof cells);
    }
    char *rest = text_format("by the first of the highest AUROC, in %% of validation images against %s",
                             point(p, list[0].first, SEARCH_TUNE));
    html_matrix(p->to, &m, &(caption){"Chosen settings", rest, NULL});
    free(rest);
    matrix_free(&m);
}

/* Points by search, in the order in which they were tried. */
static void put_points(const page *p, const searched *list, int n)
{
    int rows = sheet_rows(p->search), at = 0;
    char **names = text_more(NULL, (size_t)n * sizeof *names);
    matrix m = matrix_new(rows + 1, 4, 1);
    const char *titles[] = {"settings", "AUROC ↑", "seconds", "status"};
    for (int i = 0; i < 4; i++)
        *matrix_at(&m, 0, i) = text_copy(titles[i]);
    for (int i = 0; i < n; i++) {
        names[i] = name_of(p, list[i].first);
        m.heading[at + 1] = names[i];
        for (int row = 0; row < rows; row++) {
            if (strcmp(point(p, row, SEARCH_RUN), point(p, list[i].first, SEARCH_RUN)) != 0)
                continue;
            at++;
            *matrix_at(&m, at, 0) = page_spaced(point(p, row, SEARCH_SCORE_PARAMS));
            *matrix_at(&m, at, 1) = *point(p, row, SEARCH_AUROC)
                                        ? text_format("%.2f", strtod(point(p, row, SEARCH_AUROC), NULL))
                                        : text_copy("-");
            *matrix_at(&m, at, 2) = text_format("%.3g", strtod(point(p, row, SEARCH_SECONDS), NULL));
            *matrix_at(&m, at, 3) = text_copy(point(p, row, SEARCH_STATUS));
            for (int k = 0; k < 2; k++)
                m.rank[at * 4 + k] = row == list[i].chosen;
        }
    }
    html_matrix(p->to, &m, &(caption){"Points", "of every search; bold: chosen", NULL});
    matrix_free(&m);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

int page_search(page *p)
{
    searched *list = NULL;
    int n = 0;
    for (int row = 0; p->search && row < sheet_rows(p->search); row++)
        take_point(p, of_run(p, &list, &n, row), row);
    if (n) {
        put_searched(p, list, n);
        fputs("<details><summary>Every point</summary>\n", p->to);
        put_points(p, list, n);
        fputs("</details>\n", p->to);
    }
    free(list);
    return 0;
}
