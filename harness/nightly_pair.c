/* nightly_pair.c - an experiment's rows of tonight beside those of the baseline, and what
 * tells two rows apart first. */
#include "file.h"
#include "nightly.h"

#include <stdlib.h>
#include <string.h>

static const char *const data_names[] = {"set", "split", "n", "sha256"};
const char *const made_names[2] = {"key", "value"};

/* Files. */

static int open_one(sheet **s, const char *path, const char *const names[], int columns)
{
    *s = NULL;
    return file_exists(path) ? sheet_open(s, path, names, columns, SHEET_READ) : 0;
}

int side_open(side *s, const char *stem, int kept)
{
    const char *between = kept ? "-" : "/";
    char *paths[] = {kept ? text_format("%s.csv", stem) : text_format("%s/results.csv", stem),
                     text_format("%s%saccuracy.csv", stem, between), text_format("%s%sdata.csv", stem, between),
                     text_format("%s%smade.csv", stem, between)};
    *s = (side){0};
    int rc = open_one(&s->results, paths[0], result_names, RESULT_COLUMNS) != 0 ||
                     open_one(&s->accuracy, paths[1], accuracy_names, ACCURACY_COLUMNS) != 0 ||
                     open_one(&s->data, paths[2], data_names, 4) != 0 ||
                     open_one(&s->made, paths[3], made_names, 2) != 0
                 ? -1
                 : 0;
    for (int i = 0; i < 4; i++)
        free(paths[i]);
    return rc;
}

void side_close(side *s)
{
    sheet_close(s->results);
    sheet_close(s->accuracy);
    sheet_close(s->data);
    sheet_close(s->made);
    *s = (side){0};
}

/* Pairs: the same in all columns of the first list, or else of the next. */

enum { END = -1, LISTS = 3 };
static const int same_cell[LISTS][16] = {
    {RESULT_RUN, RESULT_OOD, RESULT_GROUP, END},
    {RESULT_DEVICE, RESULT_FAST, RESULT_PRECISION, RESULT_NET, RESULT_WEIGHTS, RESULT_ID, RESULT_TRAIN,
     RESULT_TRAIN_PARAMS, RESULT_SCORE, RESULT_SCORE_PARAMS, RESULT_SEED, RESULT_OOD, RESULT_GROUP, END},
    {RESULT_NET, RESULT_TRAIN, RESULT_SCORE, RESULT_SEED, RESULT_OOD, RESULT_GROUP, END},
};
static const int same_count[LISTS][16] = {
    {ACCURACY_RUN, ACCURACY_SET, ACCURACY_SPLIT, END},
    {ACCURACY_NET, ACCURACY_WEIGHTS, ACCURACY_TRAIN, ACCURACY_TRAIN_PARAMS, ACCURACY_SEED, ACCURACY_SET,
     ACCURACY_SPLIT, END},
    {ACCURACY_NET, ACCURACY_TRAIN, ACCURACY_SEED, ACCURACY_SET, ACCURACY_SPLIT, END},
};

static int same(const sheet *a, int i, const sheet *b, int j, const int columns[])
{
    for (; *columns != END; columns++)
        if (strcmp(sheet_at(a, i, *columns), sheet_at(b, j, *columns)) != 0)
            return 0;
    return 1;
}

static int *pairs(const sheet *a, const sheet *b, const int lists[LISTS][16])
{
    int n = a ? sheet_rows(a) : 0, m = sheet_rows(b), *of = text_more(NULL, (size_t)m * sizeof *of);
    char *taken = text_more(NULL, (size_t)n);
    memset(taken, 0, (size_t)n);
    for (int j = 0; j < m; j++)
        of[j] = -1;
    for (int list = 0; list < LISTS; list++)
        for (int j = 0; j < m; j++)
            for (int i = 0; of[j] < 0 && i < n; i++)
                if (!taken[i] && same(a, i, b, j, lists[list])) {
                    of[j] = i;
                    taken[i] = 1;
                }
    free(taken);
    return of;
}

int *pair_rows(const sheet *a, const sheet *b)
{
    return pairs(a, b, same_cell);
}

int *pair_accuracies(const sheet *a, const sheet *b)
{
    return pairs(a, b, same_count);
}

/* What a scorer looked at weighs more than with what it was made. */
int nearest_row(const sheet *s, const sheet *of, int row)
{
    static const struct {
        int column, weight;
    } likeness[] = {{RESULT_SCORE, 16}, {RESULT_OOD, 8},     {RESULT_GROUP, 4},        {RESULT_TRAIN, 4},
                    {RESULT_NET, 2},    {RESULT_WEIGHTS, 1}, {RESULT_TRAIN_PARAMS, 1}, {RESULT_SCORE_PARAMS, 1},
                    {RESULT_SEED, 1},   {RESULT_ID, 1}};
    int best = -1, most = -1;
    for (int i = 0; s && i < sheet_rows(s); i++) {
        int like = 0;
        for (size_t k = 0; k < sizeof likeness / sizeof *likeness; k++)
            if (strcmp(sheet_at(s, i, likeness[k].column), sheet_at(of, row, likeness[k].column)) == 0)
                like += likeness[k].weight;
        if (like > most) {
            most = like;
            best = i;
        }
    }
    return best;
}

char *row_name(const sheet *s, int row)
{
    const char *commit = sheet_at(s, row, RESULT_COMMIT);
    return text_format("run %s of commit %s", sheet_at(s, row, RESULT_RUN), commit[0] ? commit : "(none)");
}

/* The first key. */

/* Of "k=50;norm=2" and another: "k: 50 -> 10"; NULL when they are alike. */
static char *first_of_settings(const char *was, const char *is)
{
    const char *p = was, *q = is;
    while (*p || *q) {
        int a = (int)strcspn(p, ";"), b = (int)strcspn(q, ";");
        if (a != b || strncmp(p, q, (size_t)a) != 0) {
            int k = (int)strcspn(p, "=;"), same_key = k == (int)strcspn(q, "=;") && strncmp(p, q, (size_t)k) == 0;
            if (same_key && p[k] == '=' && q[k] == '=')
                return text_format("%.*s: %.*s -> %.*s", k, p, a - k - 1, p + k + 1, b - k - 1, q + k + 1);
            return text_format("settings: %.*s -> %.*s", a ? a : 4, a ? p : "none", b ? b : 4, b ? q : "none");
        }
        p += a + (p[a] == ';');
        q += b + (q[b] == ';');
    }
    return NULL;
}

static char *first_of_columns(const sheet *a, int i, const sheet *b, int j, const int columns[],
                              const char *const names[])
{
    for (; *columns != END; columns++) {
        const char *was = sheet_at(a, i, *columns), *is = sheet_at(b, j, *columns);
        char *inside = strstr(names[*columns], "_params") ? first_of_settings(was, is) : NULL;
        if (inside)
            return inside;
        if (strcmp(was, is) != 0)
            return text_format("%s: %s -> %s", names[*columns], was[0] ? was : "none", is[0] ? is : "none");
    }
    return NULL;
}

char *data_differs(const experiment *e, const char *set)
{
    const sheet *was = e->before.data, *is = e->now.data;
    for (int i = 0; was && is && i < sheet_rows(was); i++) {
        int j = sheet_find(is, 0, sheet_at(was, i, 0), 1, sheet_at(was, i, 1));
        if (j < 0 || (set && !result_id_has(set, sheet_at(was, i, 0))) ||
            strcmp(sheet_at(was, i, 3), sheet_at(is, j, 3)) == 0)
            continue;
        return text_format("sha256 of %s %s: %.12s -> %.12s", sheet_at(was, i, 0), sheet_at(was, i, 1),
                           sheet_at(was, i, 3), sheet_at(is, j, 3));
    }
    return NULL;
}

/* Of the machine and of the run's settings. */
static char *first_of_made(const experiment *e)
{
    const sheet *was = e->before.made, *is = e->now.made;
    for (int i = 0; was && is && i < sheet_rows(was); i++) {
        const char *key = sheet_at(was, i, 0), *now = made_get(is, key);
        int plain = strcmp(key, "machine") == 0 || strcmp(key, "threads") == 0 || strcmp(key, "device") == 0;
        int setting = strncmp(key, "config.", 7) == 0;
        if ((plain || setting) && (!now || strcmp(sheet_at(was, i, 1), now) != 0))
            return text_format("%s: %s -> %s", key + (setting ? 7 : 0), sheet_at(was, i, 1), now ? now : "none");
    }
    return NULL;
}

static char *or_commit(char *key, const char *was, const char *is)
{
    if (key)
        return key;
    return strcmp(was, is) == 0 ? text_copy("none: the same settings, data, machine and commit")
                                : text_format("commit: %s -> %s", was[0] ? was : "none", is[0] ? is : "none");
}

char *first_key(const experiment *e, int was, int is)
{
    static const int settings[] = {RESULT_DEVICE,  RESULT_FAST,         RESULT_PRECISION, RESULT_NET,
                                   RESULT_WEIGHTS, RESULT_ID,           RESULT_TRAIN,     RESULT_TRAIN_PARAMS,
                                   RESULT_SCORE,   RESULT_SCORE_PARAMS, RESULT_SEED,      RESULT_OOD,
                                   RESULT_GROUP,   RESULT_N_ID,         RESULT_N_OOD,     END},
                     run[] = {RESULT_RUN, END};
    const sheet *a = e->before.results, *b = e->now.results;
    char *key = first_of_columns(a, was, b, is, settings, result_names);
    if (!key)
        key = data_differs(e, sheet_at(b, is, RESULT_ID));
    if (!key)
        key = data_differs(e, sheet_at(b, is, RESULT_OOD));
    if (!key)
        key = first_of_made(e);
    if (!key)
        key = first_of_columns(a, was, b, is, run, result_names);
    return or_commit(key, sheet_at(a, was, RESULT_COMMIT), sheet_at(b, is, RESULT_COMMIT));
}

/* The commit of accuracies is that of the rows beside them. */
static const char *commit_of(const sheet *results)
{
    return results && sheet_rows(results) ? sheet_at(results, 0, RESULT_COMMIT) : "";
}

char *first_key_of_accuracy(const experiment *e, int was, int is)
{
    static const int settings[] =
        {ACCURACY_NET,  ACCURACY_WEIGHTS, ACCURACY_ID,    ACCURACY_TRAIN, ACCURACY_TRAIN_PARAMS,
         ACCURACY_SEED, ACCURACY_SET,     ACCURACY_SPLIT, ACCURACY_N,     END},
                     run[] = {ACCURACY_RUN, END};
    const sheet *a = e->before.accuracy, *b = e->now.accuracy;
    char *key = first_of_columns(a, was, b, is, settings, accuracy_names);
    if (!key)
        key = data_differs(e, sheet_at(b, is, ACCURACY_SET));
    if (!key)
        key = first_of_made(e);
    if (!key)
        key = first_of_columns(a, was, b, is, run, accuracy_names);
    return or_commit(key, commit_of(e->before.results), commit_of(e->now.results));
}
