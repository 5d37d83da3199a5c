/* agenda.c - a list in which what a task waits for stands before it, so that
 * taking the first that may run is, one at a time, the order of the plan. */
#include "agenda.h"
#include "analyses.h"
#include "file.h"
#include "tallies.h"
#include "text.h"

#include <stdlib.h>

/* Accuracies are part of every experiment but one that analyses given weights alone. */
static int wants_features(const rows *r, const model *m)
{
    return r->p.b && (r->p.score.n || r->p.train.n) && !tallies_there(r, m);
}

/* Whether accuracies or rows of scores are missing. */
static int wants_scores(const rows *r, const model *m)
{
    config *missing = config_new();
    int wanted = wants_features(r, m);
    for (int i = 0; i < r->p.score.n && !wanted; i++)
        wanted = rows_missing(r, &m->scores[i], missing) > 0;
    config_free(missing);
    return wanted;
}

static int wants_points(const rows *r, const model *m)
{
    int points = 0;
    for (int a = 0; a < ANALYSES; a++)
        points += analyses_missing(r, m, (enum analysis)a, NULL);
    return points > 0;
}

int agenda_wanted(const rows *r, const model *m)
{
    return wants_scores(r, m) || wants_points(r, m);
}

static int add(agenda *a, const model *m, enum cell_kind kind, const scored *by, int after)
{
    a->at = text_more(a->at, (size_t)(a->n + 1) * sizeof *a->at);
    a->at[a->n] = (task){.m = m, .kind = kind, .by = by, .after = after};
    return a->n++;
}

static int training_of(const agenda *a, const model *m)
{
    int i = a->n - 1;
    while (i >= 0 && (a->at[i].m != m || a->at[i].kind != CELL_TRAIN))
        i--;
    return i;
}

/* The training of a model whose weights are not there, behind that of its parent,
 * whose weights may have been deleted since; -1 where nothing is to be trained. */
static int add_training(agenda *a, const rows *r, const model *m, int only)
{
    if (!m->train || file_exists(m->file))
        return -1;
    int there = training_of(a, m), parent = -1;
    if (there >= 0)
        return there;
    if (m->from >= 0)
        parent = add_training(a, r, &r->p.models[m->from], only);
    int i = add(a, m, CELL_TRAIN, NULL, parent);
    if (only >= 0 && m != &r->p.models[only])
        agenda_end(a, i, text_format("failed: %s, which this starts from, has no weights", m->train->method->name));
    return i;
}

static void add_model(agenda *a, const rows *r, const model *m, int only)
{
    int scores = wants_scores(r, m), last;
    if (!scores && !wants_points(r, m) && only < 0) /* a part's own weights are wanted by other parts */
        return;
    last = add_training(a, r, m, only);
    if (scores && r->p.b)
        last = add(a, m, CELL_FEATURES, NULL, last);
    for (int i = 0; scores && i < r->p.score.n; i++)
        add(a, m, CELL_SCORE, &m->scores[i], last);
    for (int k = 0; k < ANALYSES; k++)
        if (analyses_missing(r, m, (enum analysis)k, NULL) > 0)
            add(a, m, (enum cell_kind)(CELL_ANALYSIS + k), NULL, last);
}

void agenda_make(agenda *a, const rows *r, int only)
{
    *a = (agenda){0};
    for (int i = 0; i < r->p.n; i++)
        if (only < 0 || i == only)
            add_model(a, r, &r->p.models[i], only);
}

void agenda_free(agenda *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->at[i].why);
    free(a->at);
    *a = (agenda){0};
}

int agenda_next(const agenda *a)
{
    for (int i = 0; i < a->n; i++) {
        const task *t = &a->at[i];
        if (t->state == TASK_WAITS && (t->after < 0 || a->at[t->after].state == TASK_ENDED))
            return i;
    }
    return -1;
}

const char *agenda_why(const agenda *a, int i)
{
    int after = a->at[i].after;
    return after < 0 ? NULL : a->at[after].why;
}

void agenda_end(agenda *a, int i, char *why)
{
    a->at[i].state = TASK_ENDED;
    a->at[i].why = why;
    a->ended++;
}

int agenda_left(const agenda *a, const model *m, enum cell_kind kind)
{
    int left = 0;
    for (int i = 0; i < a->n; i++)
        left += a->at[i].m == m && a->at[i].kind == kind && a->at[i].state != TASK_ENDED;
    return left;
}
