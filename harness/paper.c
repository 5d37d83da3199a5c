/* paper.c - reads a published table. The header says which quantities there are;
 * every one is checked against the sets that the setting names. */
#include "paper.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char *const fixed[PAPER_COLUMNS] = {"method", "network", "id", "net", "train", "score"};
static const char group_prefix[] = "sets.";

/* The header, which has no quotes. */

static int read_header(paper *p, const char *path)
{
    size_t size;
    if (file_read(path, &p->text, &size) != 0)
        return -1;
    p->text[strcspn(p->text, "\r\n")] = '\0';
    for (char *s = p->text; s;) {
        char *comma = strchr(s, ',');
        p->header = text_more(p->header, (size_t)(p->columns + 1) * sizeof *p->header);
        p->header[p->columns++] = s;
        if (comma)
            *comma++ = '\0';
        s = comma;
    }
    int same = p->columns > PAPER_COLUMNS;
    for (int i = 0; same && i < PAPER_COLUMNS; i++)
        same = strcmp(p->header[i], fixed[i]) == 0;
    return same ? 0
                : fault("%s: expected a published table, whose columns begin with "
                        "`method,network,id,net,train,score`, found `%.40s`: those that are there lie in "
                        "results/paper",
                        path, p->text);
}

static int find_column(const paper *p, const char *name)
{
    for (int i = PAPER_COLUMNS; i < p->columns; i++)
        if (strcmp(p->header[i], name) == 0)
            return i;
    return -1;
}

/* Setting. */

static int check_setting(paper *p, const char *path)
{
    static const char *const known[] = {"paper",        "table",    "csid",    "corruptions", "seeds",
                                        "train_images", "outliers", "epochs.", "sets.",       "ood_images"};
    enum { KNOWN = sizeof known / sizeof *known };
    for (int i = 0; i < config_count(p->setting); i++) {
        const char *key = config_key(p->setting, i);
        int k = 0;
        while (k < KNOWN && strcmp(known[k], key) != 0 &&
               !(strchr(known[k], '.') && strncmp(known[k], key, strlen(known[k])) == 0))
            k++;
        if (k == KNOWN)
            return fault("%s: `%s` is no key of a published table's setting: see results/paper/README.md",
                         config_origin(p->setting, key), key);
        if (strncmp(key, group_prefix, strlen(group_prefix)) != 0)
            continue;
        p->groups = text_more(p->groups, (size_t)(p->ngroups + 1) * sizeof *p->groups);
        p->groups[p->ngroups++] = key;
    }
    if (!config_text(p->setting, "paper") || !config_text(p->setting, "table"))
        return fault("%s: expected `paper:` and `table:`, where the figures stand", path);
    return 0;
}

static int read_setting(paper *p, const char *path)
{
    size_t stem = strlen(path) - (strlen(path) > 4 && strcmp(path + strlen(path) - 4, ".csv") == 0 ? 4 : 0);
    char *beside = text_format("%.*s.yml", (int)stem, path);
    p->setting = config_new();
    int rc = config_read(p->setting, beside) != 0 ? -1 : check_setting(p, beside);
    free(beside);
    return rc;
}

/* Quantities. */

static int group_of(const paper *p, const char *name)
{
    for (int i = 0; i < p->ngroups; i++)
        if (strcmp(p->groups[i] + strlen(group_prefix), name) == 0)
            return i;
    return -1;
}

static int has_set(const paper *p, const char *name)
{
    for (int i = 0; i < p->ngroups; i++)
        for (int k = 0; k < config_items(p->setting, p->groups[i]); k++)
            if (strcmp(config_item(p->setting, p->groups[i], k), name) == 0)
                return 1;
    return 0;
}

static int classify(const paper *p, quantity *q, const char *path)
{
    const char *name = q->subject;
    if (!q->of) {
        q->what = *name ? PAPER_SHIFTED : PAPER_CLEAN;
        if (*name && (strcmp(name, "csid") != 0 || !config_items(p->setting, "csid")))
            return fault("%s: column `%s`: expected acc or, with `csid:` in the setting, csid_acc", path, q->name);
        return 0;
    }
    q->what = strcmp(name, "average") == 0 ? PAPER_AVERAGE : group_of(p, name) >= 0 ? PAPER_GROUP : PAPER_SET;
    if (q->what == PAPER_SET && !has_set(p, name))
        return fault("%s: column `%s`: `%s` is neither `average` nor a group or set of `sets:` in the setting",
                     path, q->name, name);
    return 0;
}

/* "far_fpr95_id" is the subject far in the measure of the longest name that fits. */
static int parse_quantity(const paper *p, quantity *q, const char *path)
{
    size_t n = strlen(q->name), tail = 0;
    int accuracy = strcmp(q->name, "acc") == 0 || (n > 4 && strcmp(q->name + n - 4, "_acc") == 0);
    for (int i = 0; !accuracy && i < measure_count(); i++) {
        size_t m = strlen(measure_at(i)->name) + 1;
        if (m > tail && n > m && q->name[n - m] == '_' && strcmp(q->name + n - m + 1, measure_at(i)->name) == 0) {
            q->of = measure_at(i);
            tail = m;
        }
    }
    if (!accuracy && !q->of)
        return fault("%s: column `%s`: expected acc, csid_acc, or GROUP_METRIC with a metric of results.csv, and "
                     "`_std` behind one for its deviation",
                     path, q->name);
    q->subject = text_format("%.*s", (int)(n - (accuracy ? (n > 4 ? 4 : 3) : tail)), q->name);
    return classify(p, q, path);
}

static int is_deviation(const paper *p, int column)
{
    size_t n = strlen(p->header[column]);
    char *of = n > 4 && strcmp(p->header[column] + n - 4, "_std") == 0
                   ? text_format("%.*s", (int)n - 4, p->header[column])
                   : NULL;
    int is = of && find_column(p, of) >= 0;
    free(of);
    return is;
}

static int list_quantities(paper *p, const char *path)
{
    for (int i = PAPER_COLUMNS; i < p->columns; i++) {
        if (is_deviation(p, i))
            continue;
        char *std = text_format("%s_std", p->header[i]);
        p->quantities = text_more(p->quantities, (size_t)(p->n + 1) * sizeof *p->quantities);
        quantity *q = &p->quantities[p->n++];
        *q = (quantity){.name = p->header[i], .column = i, .std = find_column(p, std)};
        free(std);
        if (parse_quantity(p, q, path) != 0)
            return -1;
    }
    return 0;
}

/* Figures. */

int paper_figure(const paper *p, int row, int column, double *value)
{
    const char *s = column < 0 ? "" : sheet_at(p->rows, row, column);
    *value = strtod(s, NULL);
    return *s != '\0';
}

static int check_figures(const paper *p, const char *path)
{
    for (int row = 0; row < sheet_rows(p->rows); row++)
        for (int i = PAPER_COLUMNS; i < p->columns; i++) {
            const char *s = sheet_at(p->rows, row, i);
            char *end;
            double v = strtod(s, &end);
            if (*end || !(v >= 0 && v <= 100))
                return fault("%s:%d: column `%s`: expected a figure in percent or nothing, found `%s`", path,
                             row + 2, p->header[i], s);
        }
    return 0;
}

int paper_open(paper *p, const char *path)
{
    *p = (paper){0};
    int rc = read_header(p, path);
    if (rc == 0)
        rc = sheet_open(&p->rows, path, (const char *const *)p->header, p->columns, SHEET_READ);
    if (rc == 0)
        rc = read_setting(p, path);
    if (rc == 0)
        rc = list_quantities(p, path);
    if (rc == 0)
        rc = check_figures(p, path);
    if (rc != 0)
        paper_close(p);
    return rc;
}

void paper_close(paper *p)
{
    for (int i = 0; i < p->n; i++)
        free(p->quantities[i].subject);
    free(p->quantities);
    free(p->groups);
    sheet_close(p->rows);
    if (p->setting)
        config_free(p->setting);
    free(p->header);
    free(p->text);
    *p = (paper){0};
}

static char *sets_of_key(const paper *p, const char *key)
{
    text t = {0};
    for (int i = 0; i < config_items(p->setting, key); i++)
        text_add(&t, "%s%s", i ? " " : "", config_item(p->setting, key, i));
    return t.bytes ? t.bytes : text_copy("");
}

int paper_sets(const paper *p, const quantity *q, char ***lists)
{
    int n = !q->of ? 0 : q->what == PAPER_AVERAGE ? p->ngroups : 1;
    *lists = n ? text_more(NULL, (size_t)n * sizeof **lists) : NULL;
    for (int i = 0; i < n; i++)
        (*lists)[i] = q->what == PAPER_SET       ? text_copy(q->subject)
                      : q->what == PAPER_AVERAGE ? sets_of_key(p, p->groups[i])
                                                 : sets_of_key(p, p->groups[group_of(p, q->subject)]);
    return n;
}
