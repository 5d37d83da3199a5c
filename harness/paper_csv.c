/* paper_csv.c - a comparison for programs: a row per pair and quantity, then the setting. */
#include "paper_print.h"
#include "text.h"

enum {
    CSV_KIND,
    CSV_METHOD,
    CSV_NETWORK,
    CSV_NET,
    CSV_TRAIN,
    CSV_SCORE,
    CSV_SCORE_PARAMS,
    CSV_QUANTITY,
    CSV_PAPER,
    CSV_PAPER_STD,
    CSV_OURS,
    CSV_OURS_STD,
    CSV_DIFFERENCE,
    CSV_PARTIAL,
    CSV_COLUMNS
};

static void print_fields(FILE *to, const char *const fields[])
{
    text t = {0};
    sheet_line(&t, fields, CSV_COLUMNS);
    fputs(t.bytes, to);
    text_free(&t);
}

static void print_csv_row(FILE *to, const paper_match *m, pair at, const quantity *q)
{
    char ours[32] = "", std[32] = "", diff[32] = "";
    double d;
    mean v = paper_ours(m, at.line, q);
    const char *f[CSV_COLUMNS];
    for (int i = 0; i < CSV_COLUMNS; i++)
        f[i] = "";
    f[CSV_KIND] = at.row < 0 ? "ours" : at.line < 0 ? "paper" : "both";
    f[CSV_METHOD] = paper_text(m, at.row, PAPER_METHOD);
    f[CSV_NETWORK] = paper_text(m, at.row, PAPER_NETWORK);
    if (at.line >= 0) {
        f[CSV_NET] = grid_line(m->grid, at.line, RESULT_NET);
        f[CSV_TRAIN] = grid_line(m->grid, at.line, RESULT_TRAIN);
        f[CSV_SCORE] = grid_line(m->grid, at.line, RESULT_SCORE);
        f[CSV_SCORE_PARAMS] = grid_line(m->grid, at.line, RESULT_SCORE_PARAMS);
    }
    f[CSV_QUANTITY] = q->name;
    f[CSV_PAPER] = at.row < 0 ? "" : sheet_at(m->paper->rows, at.row, q->column);
    f[CSV_PAPER_STD] = at.row < 0 || q->std < 0 ? "" : sheet_at(m->paper->rows, at.row, q->std);
    if (v.n) {
        snprintf(ours, sizeof ours, "%.9g", v.value);
        snprintf(std, sizeof std, "%.9g", v.std);
    }
    if (paper_difference(m, at, q, &d))
        snprintf(diff, sizeof diff, "%.9g", d);
    f[CSV_OURS] = ours;
    f[CSV_OURS_STD] = std;
    f[CSV_DIFFERENCE] = diff;
    f[CSV_PARTIAL] = !v.n ? "" : v.partial ? "true" : "false";
    print_fields(to, f);
}

void paper_print_csv(FILE *to, const paper_match *m, const setting *s)
{
    static const char *const heads[CSV_COLUMNS] = {"kind",  "method",       "network",    "net",    "train",
                                                   "score", "score_params", "quantity",   "paper",  "paper_std",
                                                   "ours",  "ours_std",     "difference", "partial"};
    print_fields(to, heads);
    for (int i = 0; i < m->n; i++)
        for (int k = 0; k < m->paper->n; k++)
            print_csv_row(to, m, m->pairs[i], &m->paper->quantities[k]);
    for (int i = 0; i < s->n; i++) {
        const char *f[CSV_COLUMNS];
        for (int k = 0; k < CSV_COLUMNS; k++)
            f[k] = "";
        f[CSV_KIND] = "setting";
        f[CSV_QUANTITY] = s->list[i].what;
        f[CSV_PAPER] = s->list[i].paper;
        f[CSV_OURS] = s->list[i].ours;
        print_fields(to, f);
    }
}
