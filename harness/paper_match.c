/* paper_match.c - lines and published rows are paired by ID set, network, training
 * method and scorer. Where no published row has a line's network, the line stands
 * beside the rows of every network. */
#include "paper_match.h"
#include "fault.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Names. */

/* Is "key=value" among "a=1;b=2"? */
static int has_setting(const char *settings, const char *wanted, size_t n)
{
    for (const char *p = settings; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strcspn(p, ";") == n && strncmp(p, wanted, n) == 0)
            return 1;
    return 0;
}

/* One alternative: "sam;base=ce", of n bytes. */
static int names(const char *spec, size_t n, const char *name, const char *settings)
{
    size_t word = strcspn(spec, "; "), own = *name ? strcspn(name, " ") : strlen("none");
    if (word != own || strncmp(spec, *name ? name : "none", own) != 0)
        return 0;
    for (const char *p = spec + word; p < spec + n; p += strcspn(p, "; ")) {
        p++;
        if (!has_setting(settings, p, strcspn(p, "; ")))
            return 0;
    }
    return 1;
}

int paper_names(const char *spec, const char *name, const char *settings)
{
    int i = 0;
    for (const char *p = spec; *p; p += strcspn(p, " "), p += *p == ' ', i++)
        if (names(p, strcspn(p, " "), name, settings))
            return i;
    return -1;
}

/* Pairs. */

const char *paper_text(const paper_match *m, int row, enum paper_column column)
{
    return row < 0 ? "" : sheet_at(m->paper->rows, row, column);
}

static int same_id(const paper_match *m, int row, int line)
{
    const char *ours = grid_line(m->grid, line, RESULT_ID), *theirs = paper_text(m, row, PAPER_ID);
    size_t n = strcspn(ours, "+"); /* in full-spectrum rows shifted sets follow */
    return strlen(theirs) == n && strncmp(ours, theirs, n) == 0;
}

static int has_id(const paper_match *m, int row)
{
    for (int line = 0; line < m->grid->nlines; line++)
        if (same_id(m, row, line))
            return 1;
    return 0;
}

static int same_network(const paper_match *m, int row, int line)
{
    return strcmp(grid_line(m->grid, line, RESULT_NET), paper_text(m, row, PAPER_NET)) == 0;
}

static int network_is_published(const paper_match *m, int line)
{
    for (int row = 0; row < sheet_rows(m->paper->rows); row++)
        if (same_id(m, row, line) && same_network(m, row, line))
            return 1;
    return 0;
}

static int same_checkpoint(const paper_match *m, int a, int b)
{
    static const enum result_column of[] = {RESULT_NET,          RESULT_WEIGHTS, RESULT_ID,   RESULT_TRAIN,
                                            RESULT_TRAIN_PARAMS, RESULT_DEVICE,  RESULT_FAST, RESULT_PRECISION};
    int same = 1;
    for (size_t i = 0; same && i < sizeof of / sizeof *of; i++)
        same = strcmp(grid_line(m->grid, a, of[i]), grid_line(m->grid, b, of[i])) == 0;
    return same;
}

/* How far down the alternatives of a published row a line is; -1: it is none of them.
 * A row without a training method has none; without a scorer, any will do. */
static int choice(const paper_match *m, int row, int line)
{
    const grid *g = m->grid;
    if (!same_id(m, row, line) || (network_is_published(m, line) && !same_network(m, row, line)))
        return -1;
    const char *scorer = paper_text(m, row, PAPER_SCORE);
    int train = paper_names(paper_text(m, row, PAPER_TRAIN), grid_line(g, line, RESULT_TRAIN),
                            grid_line(g, line, RESULT_TRAIN_PARAMS));
    int score = !*scorer ? 0
                         : paper_names(scorer, grid_line(g, line, RESULT_SCORE),
                                       grid_line(g, line, RESULT_SCORE_PARAMS));
    return train < 0 || score < 0 ? -1 : 100 * train + score;
}

static void add(paper_match *m, int row, int line)
{
    m->pairs = text_more(m->pairs, (size_t)(m->n + 1) * sizeof *m->pairs);
    m->pairs[m->n++] = (pair){row, line};
    m->nlines += row >= 0 && line >= 0;
}

static void pair_row(paper_match *m, int row)
{
    int best = -1, before = m->n;
    for (int line = 0; line < m->grid->nlines; line++) {
        int c = choice(m, row, line);
        best = c >= 0 && (best < 0 || c < best) ? c : best;
    }
    for (int line = 0; best >= 0 && line < m->grid->nlines; line++) {
        int repeated = 0;
        for (int i = before; i < m->n && !*paper_text(m, row, PAPER_SCORE); i++)
            repeated |= same_checkpoint(m, m->pairs[i].line, line);
        if (choice(m, row, line) == best && !repeated)
            add(m, row, line);
    }
    if (m->n == before)
        add(m, row, -1);
}

/* A line that stands nowhere; where scorers do not matter, one whose checkpoint does not. */
static void add_rest(paper_match *m)
{
    for (int line = 0; line < m->grid->nlines; line++) {
        int held = 0;
        for (int i = 0; i < m->n; i++)
            held |= m->pairs[i].line == line ||
                    (m->any_scorer && m->pairs[i].line >= 0 && same_checkpoint(m, m->pairs[i].line, line));
        if (!held)
            add(m, -1, line);
    }
}

int paper_match_make(paper_match *m, const char *network)
{
    int rows = 0, found = 0;
    m->any_scorer = 1;
    for (int row = 0; row < sheet_rows(m->paper->rows); row++) {
        if (network && strcmp(paper_text(m, row, PAPER_NETWORK), network) != 0)
            continue;
        found++;
        if (!has_id(m, row)) {
            m->other_ids++;
            continue;
        }
        m->any_scorer &= !*paper_text(m, row, PAPER_SCORE);
        pair_row(m, row);
        rows++;
    }
    if (network && !found)
        return fault("--network: no row of the published table is of `%s`; its first is of `%s`", network,
                     sheet_rows(m->paper->rows) ? paper_text(m, 0, PAPER_NETWORK) : "nothing");
    if (!rows)
        return fault("nothing in common: the results are for %s, the published table for %s",
                     grid_line(m->grid, 0, RESULT_ID), found ? paper_text(m, 0, PAPER_ID) : "nothing");
    if (!m->nlines)
        return fault(
            "nothing in common: no method of the published table is in the results, whose first is `%s%s%s`",
            grid_line(m->grid, 0, RESULT_TRAIN), *grid_line(m->grid, 0, RESULT_TRAIN) ? " + " : "",
            grid_line(m->grid, 0, RESULT_SCORE));
    add_rest(m);
    return 0;
}

void paper_match_free(paper_match *m)
{
    free(m->pairs);
    *m = (paper_match){0};
}
