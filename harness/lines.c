/* lines.c - what a line of a grid is called: the columns that tell it from others. */
#include "grid.h"
#include "labels.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* The columns that tell lines apart, in the order they are shown; training methods
 * and scorers come with the settings that tell them apart. */
static const struct {
    enum result_column column, settings; /* settings: RESULT_COLUMNS without any */
    const char *title, *usual;           /* usual: not worth a word when all lines have it */
} label_columns[] = {{RESULT_NET, RESULT_COLUMNS, "", ""},
                     {RESULT_WEIGHTS, RESULT_COLUMNS, "", ""},
                     {RESULT_ID, RESULT_COLUMNS, "ID", ""},
                     {RESULT_DEVICE, RESULT_COLUMNS, "device", ""},
                     {RESULT_FAST, RESULT_COLUMNS, "fast", "false"},
                     {RESULT_PRECISION, RESULT_COLUMNS, "precision", "f32"},
                     {RESULT_TRAIN, RESULT_TRAIN_PARAMS, "train", ""},
                     {RESULT_SCORE, RESULT_SCORE_PARAMS, "score", ""}};
_Static_assert(sizeof label_columns / sizeof *label_columns == LINE_LABELS, "one row each");

char *line_label(const grid *g, int line, int label)
{
    enum result_column column = label_columns[label].column, settings = label_columns[label].settings;
    if (settings == RESULT_COLUMNS)
        return text_copy(grid_line(g, line, column));
    const char **held = text_more(NULL, 2 * (size_t)g->nlines * sizeof *held);
    for (int i = 0; i < g->nlines; i++) {
        held[i] = grid_line(g, i, column);
        held[g->nlines + i] = grid_line(g, i, settings);
    }
    char *s = label_apart(held, held + g->nlines, g->nlines, line);
    free(held);
    return s;
}

/* The scorer is always shown, others where lines differ. */
int line_shown(const grid *g, int label)
{
    enum result_column column = label_columns[label].column, settings = label_columns[label].settings;
    return column == RESULT_SCORE || grid_varies(g, column) ||
           (settings != RESULT_COLUMNS && grid_varies(g, settings));
}

const char *line_title(int label)
{
    const char *title = label_columns[label].title;
    return *title ? title : result_names[label_columns[label].column];
}

char *layout_file_name(const grid *g, int line)
{
    text t = {0};
    for (int i = LINE_LABELS - 1; i >= 0; i--) {
        if (!line_shown(g, i))
            continue;
        char *label = line_label(g, line, i);
        text_add(&t, "%s%s", t.n ? "-" : "", label);
        free(label);
    }
    for (char *c = t.bytes; *c; c++)
        if (*c == '/' || *c == ' ')
            *c = '_';
    text_add(&t, ".csv");
    return t.bytes;
}

char *line_context(const grid *g)
{
    text t = {0};
    for (int i = 0; i < LINE_LABELS; i++) {
        const char *s = grid_line(g, 0, label_columns[i].column), *title = label_columns[i].title;
        if (line_shown(g, i) || strcmp(s, label_columns[i].usual) == 0)
            continue;
        text_add(&t, "%s%s%s%s", t.n ? ", " : "", title, *title ? " " : "", s);
    }
    text_add(&t, ", %d seed%s", g->nseeds, g->nseeds == 1 ? "" : "s");
    return t.bytes;
}
