/* paper_setting.c - each key of a published setting beside what is known of ours; what
 * is not known is said to be unknown. Only lines beside a published row count. */
#include "paper_setting.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    const paper_match *m;
    const char *file;
    setting *s;
} comparison;

static const char unknown[] = "unknown", not_stated[] = "not stated";

/* Takes both texts. Equal ones are only named. */
static void add(const comparison *c, const char *what, char *printed, char *ours)
{
    setting *s = c->s;
    if (strcmp(printed, ours) == 0) {
        char *all = text_format("%s%s%s", s->alike, *s->alike ? ", " : "", what);
        free(s->alike);
        s->alike = all;
        free(printed);
        free(ours);
        return;
    }
    s->list = text_more(s->list, (size_t)(s->n + 1) * sizeof *s->list);
    s->list[s->n++] = (difference){text_copy(what), printed, ours};
}

/* Adds a word to "a, b" unless it is there. */
static void add_word(text *t, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text_str(t); *p; p += strcspn(p, ","), p += strspn(p, ", "))
        if (strcspn(p, ",") == n && strncmp(p, word, n) == 0)
            return;
    text_add(t, "%s%s", t->n ? ", " : "", word);
}

static char *text_or(text *t, const char *otherwise)
{
    return t->bytes ? t->bytes : text_copy(otherwise);
}

/* The different values of a column in the lines that are compared. */
static char *ours_in(const comparison *c, enum result_column column)
{
    text t = {0};
    for (int i = 0; i < c->m->n; i++)
        if (c->m->pairs[i].row >= 0 && c->m->pairs[i].line >= 0)
            add_word(&t, grid_line(c->m->grid, c->m->pairs[i].line, column));
    return text_or(&t, unknown);
}

static char *theirs(const comparison *c, const char *key)
{
    text t = {0};
    for (int i = 0; i < config_items(c->m->paper->setting, key); i++)
        add_word(&t, config_item(c->m->paper->setting, key, i));
    return text_or(&t, not_stated);
}

/* What columns say. */

static void compare_networks(const comparison *c)
{
    text t = {0};
    char *ours = ours_in(c, RESULT_NET);
    int same = 1;
    for (int i = 0; i < c->m->n; i++) {
        int row = c->m->pairs[i].row, line = c->m->pairs[i].line;
        if (row < 0)
            continue;
        const char *net = sheet_at(c->m->paper->rows, row, PAPER_NET);
        char *both = text_format("%s%s%s%s", sheet_at(c->m->paper->rows, row, PAPER_NETWORK), *net ? " (" : "", net,
                                 *net ? ")" : "");
        add_word(&t, both);
        free(both);
        same &= line < 0 || strcmp(net, grid_line(c->m->grid, line, RESULT_NET)) == 0;
    }
    char *printed = text_or(&t, unknown);
    add(c, "network", same ? text_copy(ours) : text_copy(printed), ours);
    free(printed);
}

static void compare_seeds(const comparison *c)
{
    int fewest = c->m->grid->nseeds, most = 0;
    for (int i = 0; i < c->m->n; i++) {
        int line = c->m->pairs[i].line;
        int n = line < 0 ? 0 : grid_group(c->m->grid, line, "near far csid", RESULT_ACC).n;
        fewest = n && n < fewest ? n : fewest;
        most = n > most ? n : most;
    }
    add(c, "seeds", theirs(c, "seeds"),
        fewest == most ? text_format("%d", most) : text_format("%d to %d", fewest, most));
}

static char *commas(char *blanks)
{
    text t = {0};
    for (const char *p = blanks; *p; p += strcspn(p, " "), p += *p == ' ')
        text_add(&t, "%s%.*s", t.n ? ", " : "", (int)strcspn(p, " "), p);
    free(blanks);
    return text_or(&t, "none");
}

static void compare_sets(const comparison *c)
{
    for (int i = 0; i < c->m->paper->ngroups; i++) {
        const char *key = c->m->paper->groups[i], *name = key + strlen("sets.");
        quantity q = {.subject = text_copy(name), .of = measure_at(0), .what = PAPER_GROUP};
        char **list, *what = text_format("%s sets", strcmp(name, "ood") == 0 ? "OOD" : name);
        int n = paper_sets(c->m->paper, &q, &list);
        add(c, what, commas(text_copy(list[0])), commas(paper_present(c->m, -1, list[0])));
        for (int k = 0; k < n; k++)
            free(list[k]);
        free(list);
        free(what);
        free(q.subject);
    }
}

static int is_published(const comparison *c, const char *set)
{
    const paper *p = c->m->paper;
    for (int i = 0; i < p->ngroups; i++)
        for (int k = 0; k < config_items(p->setting, p->groups[i]); k++)
            if (strcmp(config_item(p->setting, p->groups[i], k), set) == 0)
                return 1;
    return 0;
}

/* How many images there are of the published sets. */
static void compare_images(const comparison *c)
{
    const grid *g = c->m->grid;
    const char *wanted = config_text(c->m->paper->setting, "ood_images");
    text t = {0};
    for (int set = 0; set < g->nsets; set++) {
        const char *n = grid_name(g, set, RESULT_N_OOD), *group = grid_name(g, set, RESULT_GROUP);
        int detection = strcmp(group, "near") == 0 || strcmp(group, "far") == 0;
        if (detection && is_published(c, grid_name(g, set, RESULT_OOD)) && !(wanted && strcmp(n, wanted) == 0))
            text_add(&t, "%s%s %s", t.n ? ", " : "", grid_name(g, set, RESULT_OOD), n);
    }
    if (t.n || wanted)
        add(c, "images of a set", text_copy(wanted ? wanted : not_stated), text_or(&t, wanted));
}

static void compare_shifted(const comparison *c)
{
    int named = config_items(c->m->paper->setting, "corruptions");
    text t = {0};
    for (int i = 0; i < c->m->n; i++) {
        char *s = c->m->pairs[i].row >= 0 && c->m->pairs[i].line >= 0 ? paper_shifted(c->m, c->m->pairs[i].line)
                                                                      : text_copy("");
        if (*s && !(t.n && strcmp(t.bytes, s) == 0))
            text_add(&t, "%s%s", t.n ? "; " : "", s);
        free(s);
    }
    char *ours = text_or(&t, "none"), *printed = theirs(c, named ? "corruptions" : "csid");
    const char *own = config_item(c->m->paper->setting, "csid", 0); /* the paper's; others only resemble it */
    if (own)
        add(c, "shifted images", text_copy(strcmp(own, ours) == 0 || !named ? own : printed), text_copy(ours));
    free(printed);
    free(ours);
}

/* What lies beside the results. */

/* NAME-data.csv beside NAME.csv where it is, else data.csv. */
static char *data_file(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t n = strlen(file);
    char *path = text_format("%.*s-data.csv", (int)(n > 4 ? n - 4 : n), file);
    if (file_exists(path))
        return path;
    free(path);
    return text_format("%.*sdata.csv", (int)(name - file), file);
}

static char *train_images(const comparison *c)
{
    static const char *const names[] = {"set", "split", "n", "sha256"}; /* as stale.c writes it */
    char *path = data_file(c->file), *ours = NULL, *id = ours_in(c, RESULT_ID);
    sheet *data = NULL;
    id[strcspn(id, "+,")] = '\0';
    if (file_exists(path) && sheet_open(&data, path, names, 4, SHEET_READ) == 0) {
        int row = sheet_find(data, 0, id, 1, "train");
        ours = row >= 0 ? text_copy(sheet_at(data, row, 2)) : NULL;
        sheet_close(data);
    }
    free(id);
    free(path);
    return ours ? ours : text_format("%s: no data.csv beside the results", unknown);
}

/* What made a row: cache/RUN.yml beside the results, or the experiment that a file of
 * results/baseline is called after; NULL when neither is there. */
static config *configuration(const comparison *c, const char *run)
{
    const char *slash = strrchr(c->file, '/'), *name = slash ? slash + 1 : c->file;
    int folder = (int)(name - c->file), stem = (int)strlen(name) - 4;
    char *path[] = {text_format("%.*scache/%s.yml", folder, c->file, run),
                    text_format("%.*s../%.*s.yml", folder, c->file, stem > 0 ? stem : 0, name)};
    config *made = NULL;
    for (int i = 0; i < 2; i++) {
        if (!made && file_exists(path[i])) {
            made = config_new();
            if (config_read(made, path[i]) != 0) {
                config_free(made);
                made = NULL;
            }
        }
        free(path[i]);
    }
    return made;
}

static void compare_outliers(const comparison *c)
{
    text t = {0};
    int asked = 0;
    for (int i = 0; i < c->m->n; i++) {
        int line = c->m->pairs[i].line;
        if (line < 0 || c->m->pairs[i].row < 0 || !*grid_line(c->m->grid, line, RESULT_TRAIN))
            continue;
        config *made = configuration(c, grid_line(c->m->grid, line, RESULT_RUN));
        const char *outliers = made ? config_text(made, "outliers") : NULL;
        asked = 1;
        add_word(&t, outliers ? outliers : made ? "none" : "unknown: no configuration beside the results");
        if (made)
            config_free(made);
    }
    if (asked)
        add(c, "outliers", theirs(c, "outliers"), text_or(&t, unknown));
    else
        text_free(&t);
}

/* "2" of "epochs=2;batch=128". */
static char *epochs_of(const char *settings)
{
    const char *p = strncmp(settings, "epochs=", 7) == 0 ? settings : strstr(settings, ";epochs=");
    p = p ? strchr(p, '=') + 1 : NULL;
    return p ? text_format("%.*s", (int)strcspn(p, ";"), p) : text_copy(unknown);
}

/* "drsam 100" beside "drsam 2"; methods of which the paper says nothing stand in one line. */
static void compare_epochs(const comparison *c)
{
    text printed = {0}, ours = {0}, silent = {0};
    for (int i = 0; i < c->m->n; i++) {
        int line = c->m->pairs[i].line;
        const char *train = line < 0 ? "" : grid_line(c->m->grid, line, RESULT_TRAIN);
        if (c->m->pairs[i].row < 0 || !*train)
            continue;
        char *n = epochs_of(grid_line(c->m->grid, line, RESULT_TRAIN_PARAMS));
        char *key = text_format("epochs.%.*s", (int)strcspn(train, " "), train);
        const char *published = config_text(c->m->paper->setting, key);
        char *own = text_format("%s %s", key + strlen("epochs."), n);
        char *said = text_format("%s %s", key + strlen("epochs."), published ? published : "");
        add_word(published ? &ours : &silent, own);
        if (published)
            add_word(&printed, said);
        free(said);
        free(own);
        free(key);
        free(n);
    }
    if (ours.n)
        add(c, "epochs", text_copy(printed.bytes), text_copy(ours.bytes));
    if (silent.n)
        add(c, ours.n ? "epochs of the others" : "epochs", text_copy(not_stated), text_copy(silent.bytes));
    text_free(&printed);
    text_free(&ours);
    text_free(&silent);
}

setting setting_compare(const paper_match *m, const char *file)
{
    setting s = {.alike = text_copy("")};
    const comparison c = {m, file, &s};
    compare_networks(&c);
    compare_seeds(&c);
    if (config_has(m->paper->setting, "train_images"))
        add(&c, "training images", theirs(&c, "train_images"), train_images(&c));
    compare_outliers(&c);
    compare_epochs(&c);
    compare_sets(&c);
    compare_images(&c);
    compare_shifted(&c);
    add(&c, "precision", text_copy(not_stated), ours_in(&c, RESULT_PRECISION));
    return s;
}

void setting_free(setting *s)
{
    for (int i = 0; i < s->n; i++) {
        free(s->list[i].what);
        free(s->list[i].paper);
        free(s->list[i].ours);
    }
    free(s->list);
    free(s->alike);
    *s = (setting){0};
}
