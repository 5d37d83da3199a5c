/* tallies.c - sums of right labels. Sums of parts are taken from the reports, so
 * a row `all` is there only when every part is. */
#include "tallies.h"
#include "matrix.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tally_take(reports *w, char *line)
{
    char *set = report_field(line, "set"), *split = report_field(line, "split"), *n = report_field(line, "n"),
         *correct = report_field(line, "correct");
    if (!set || !split || !n || !correct)
        return;
    set[strcspn(set, "\t")] = split[strcspn(split, "\t")] = '\0';
    w->counted = text_more(w->counted, (size_t)(w->ncounted + 1) * sizeof *w->counted);
    w->counted[w->ncounted++] = (tally){.set = text_copy(set),
                                        .split = text_copy(split),
                                        .n = strtoll(n, NULL, 10),
                                        .correct = strtoll(correct, NULL, 10)};
}

void tally_forget(reports *w)
{
    for (int i = 0; i < w->ncounted; i++) {
        free(w->counted[i].set);
        free(w->counted[i].split);
    }
    free(w->counted);
    w->counted = NULL;
    w->ncounted = 0;
}

/* Adds what was reported of a split; 0 when nothing was. */
static int add(const reports *w, const char *set, const char *split, tally *sum)
{
    for (int i = w->ncounted - 1; i >= 0; i--) {
        const tally *t = &w->counted[i];
        if (strcmp(t->set, set) != 0 || strcmp(t->split, split) != 0 || t->n <= 0)
            continue;
        sum->n += t->n;
        sum->correct += t->correct;
        return 1;
    }
    return 0;
}

static int put(const reports *w, const char *set, const char *split, const tally *t)
{
    char total[32], right[32], percent[32], train[ROWS_NAME];
    const char *fields[ACCURACY_COLUMNS];
    const model *m = w->m;
    snprintf(total, sizeof total, "%lld", (long long)t->n);
    snprintf(right, sizeof right, "%lld", (long long)t->correct);
    snprintf(percent, sizeof percent, "%.9g", 100.0 * (double)t->correct / (double)t->n);
    fields[ACCURACY_RUN] = m->run;
    fields[ACCURACY_NET] = m->net;
    fields[ACCURACY_WEIGHTS] = m->weights;
    fields[ACCURACY_ID] = config_text(w->r->p.c, "id");
    fields[ACCURACY_TRAIN] = rows_name(m->train, train);
    fields[ACCURACY_TRAIN_PARAMS] = m->train_settings;
    fields[ACCURACY_SEED] = m->seed;
    fields[ACCURACY_SET] = set;
    fields[ACCURACY_SPLIT] = split;
    fields[ACCURACY_N] = total;
    fields[ACCURACY_CORRECT] = right;
    fields[ACCURACY_ACC] = percent;
    return sheet_put(w->r->accuracy, accuracy_find(w->r->accuracy, m->run, set, split), fields);
}

/* One split by itself, if it was reported. */
static int put_split(const reports *w, const char *set, const char *split)
{
    tally t = {0};
    return add(w, set, split, &t) ? put(w, set, split, &t) : 0;
}

static int put_id(const reports *w, const char *id)
{
    tally both = {0};
    if (put_split(w, id, "val") != 0 || put_split(w, id, "test") != 0)
        return -1;
    return add(w, id, "val", &both) && add(w, id, "test", &both) ? put(w, id, "val+test", &both) : 0;
}

static int put_shifted(const reports *w, const char *set)
{
    tally all = {0};
    const char *part;
    int whole = 1;
    for (int i = 0; (part = benchmark_part(w->r->p.b, set, i)); i++) {
        whole &= add(w, set, part, &all);
        if (put_split(w, set, part) != 0)
            return -1;
    }
    if (!whole || put(w, set, "all", &all) != 0)
        return whole ? -1 : 0;
    return add(w, config_text(w->r->p.c, "id"), "test", &all) ? put(w, set, "all+id", &all) : 0;
}

int tallies_put(const reports *w)
{
    const config *c = w->r->p.c;
    int rc = put_id(w, config_text(c, "id"));
    for (int i = 0; i < config_items(c, "csid") && rc == 0; i++)
        rc = put_shifted(w, config_item(c, "csid", i));
    return rc;
}

static int there(const rows *r, const model *m, const char *set, const char *split)
{
    return accuracy_find(r->accuracy, m->run, set, split) >= 0;
}

int tallies_there(const rows *r, const model *m)
{
    const char *part;
    int all = there(r, m, config_text(r->p.c, "id"), "val+test");
    for (int i = 0; i < config_items(r->p.c, "csid") && all; i++) {
        const char *set = config_item(r->p.c, "csid", i);
        all = there(r, m, set, "all") && there(r, m, set, "all+id");
        for (int j = 0; all && (part = benchmark_part(r->p.b, set, j)); j++)
            all = there(r, m, set, part);
    }
    return all;
}

/* The accuracy of a split, "91.73"; NULL when it is not there. */
static const char *percent_of(const rows *r, const model *m, const char *set, const char *split, char out[32])
{
    int row = accuracy_find(r->accuracy, m->run, set, split);
    if (row < 0)
        return NULL;
    snprintf(out, 32, "%.2f", strtod(sheet_at(r->accuracy, row, ACCURACY_ACC), NULL));
    return out;
}

static void print_one(FILE *to, const rows *r, const model *m)
{
    const char *id = config_text(r->p.c, "id");
    int row = accuracy_find(r->accuracy, m->run, id, "val+test");
    char number[32], *what = rows_describe(r, m);
    if (row >= 0)
        fprintf(to, "accuracy on the whole test set of %s: %s %% (%s of %s)", id,
                percent_of(r, m, id, "val+test", number), sheet_at(r->accuracy, row, ACCURACY_CORRECT),
                sheet_at(r->accuracy, row, ACCURACY_N));
    for (int i = 0; row >= 0 && i < config_items(r->p.c, "csid"); i++) {
        const char *set = config_item(r->p.c, "csid", i);
        if (percent_of(r, m, set, "all", number))
            fprintf(to, ", of %s: %s %%", set, number);
    }
    if (row >= 0)
        fprintf(to, "  %s\n\n", what);
    free(what);
}

static void print_many(FILE *to, const rows *r, const table_options *o)
{
    const char *id = config_text(r->p.c, "id");
    int shifted = config_items(r->p.c, "csid");
    matrix m = matrix_new(r->p.n + 1, 2 + shifted, 1);
    *matrix_at(&m, 0, 0) = text_copy("model");
    for (int col = 0; col <= shifted; col++) {
        const char *set = col ? config_item(r->p.c, "csid", col - 1) : id;
        *matrix_at(&m, 0, col + 1) = text_copy(set);
        for (int i = 0; i < r->p.n; i++) {
            char number[32];
            const char *s = percent_of(r, &r->p.models[i], set, col ? "all" : "val+test", number);
            *matrix_at(&m, i + 1, col + 1) = text_copy(s ? s : "-");
        }
    }
    for (int i = 0; i < r->p.n; i++)
        *matrix_at(&m, i + 1, 0) = rows_describe(r, &r->p.models[i]);
    char *rest = text_format("in %% on the whole test set of %s%s", id, shifted ? ", and on shifted images" : "");
    matrix_print(to, &m, &(caption){"accuracy", rest, NULL}, o);
    fputc('\n', to);
    free(rest);
    matrix_free(&m);
}

void tallies_print(FILE *to, const rows *r, const table_options *o)
{
    if (r->p.n > 1)
        print_many(to, r, o);
    else if (r->p.n == 1)
        print_one(to, r, &r->p.models[0]);
}
