/* points.c - rows of search.csv. A point is known by its run and its parameters. */
#include "points.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Cut out of the line, without what would break a row; "" where it is missing. */
static const char *take(char *value)
{
    if (!value)
        return "";
    value[strcspn(value, "\t")] = '\0';
    for (char *c = value; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return value;
}

static char *tuning_sets(const config *c)
{
    text t = {0};
    for (int i = 0; i < config_items(c, "tune"); i++)
        text_add(&t, "%s%s", i ? "+" : "", config_item(c, "tune", i));
    return t.bytes ? t.bytes : text_copy("");
}

int points_take(const reports *w, char *line)
{
    static const enum search_column reported[] = {SEARCH_SCORE_PARAMS, SEARCH_AUROC, SEARCH_SECONDS, SEARCH_STATUS,
                                                  SEARCH_CHOSEN};
    enum { REPORTED = sizeof reported / sizeof *reported };
    char train[ROWS_NAME], score[ROWS_NAME], *value[REPORTED], *tune = tuning_sets(w->r->p.c);
    const model *m = w->m;
    const char *fields[SEARCH_COLUMNS] = {[SEARCH_RUN] = w->by->run,
                                          [SEARCH_NET] = m->net,
                                          [SEARCH_WEIGHTS] = m->weights,
                                          [SEARCH_ID] = config_text(w->r->p.c, "id"),
                                          [SEARCH_TUNE] = tune,
                                          [SEARCH_TRAIN] = rows_name(m->train, train),
                                          [SEARCH_TRAIN_PARAMS] = m->train_settings,
                                          [SEARCH_SEED] = m->seed,
                                          [SEARCH_SCORE] = rows_name(w->by->by, score)};
    for (int i = 0; i < REPORTED; i++)
        value[i] = report_field(line, search_names[reported[i]]);
    for (int i = 0; i < REPORTED; i++)
        fields[reported[i]] = take(value[i]);
    int row = sheet_find(w->r->search, SEARCH_RUN, w->by->run, SEARCH_SCORE_PARAMS, fields[SEARCH_SCORE_PARAMS]);
    int rc = sheet_put(w->r->search, row, fields);
    free(tune);
    return rc;
}
