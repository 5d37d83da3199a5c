/* nightly_made.c - what an experiment was made by: the machine and its speed that night, the
 * settings, how long things took. Seconds become comparable when they are divided by those
 * of one piece of arithmetic that was timed before and after. */
#include "clock.h"
#include "file.h"
#include "nightly.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Products of small matrices in one thread: bound by the processor, not by memory, and in
 * an order that no compiler may change. The fastest of several times: the undisturbed one. */
double calibration_loop(void)
{
    enum { SIDE = 48, PRODUCTS = 60, TIMES = 9 };
    static float a[SIDE][SIDE], b[SIDE][SIDE];
    static volatile float kept;
    double best = HUGE_VAL;
    for (int i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = (float)(i % 7) * 0.25f - 0.75f;
        b[i / SIDE][i % SIDE] = (float)(i % 5) * 0.5f - 1;
    }
    for (int time = 0; time < TIMES; time++) {
        double began = clock_now();
        float sum = kept;
        for (int p = 0; p < PRODUCTS; p++)
            for (int i = 0; i < SIDE; i++)
                for (int j = 0; j < SIDE; j++)
                    for (int k = 0; k < SIDE; k++)
                        sum = sum * 0.5f + a[i][k] * b[k][j];
        kept = sum;
        best = fmin(best, clock_now() - began);
    }
    return best;
}

const char *made_get(const sheet *made, const char *key)
{
    int row = made ? sheet_find(made, 0, key, 0, key) : -1;
    return row < 0 ? NULL : sheet_at(made, row, 1);
}

double made_number(const sheet *made, const char *key)
{
    const char *value = made_get(made, key);
    return value && *value ? strtod(value, NULL) : (double)NAN;
}

/* The name of a checkpoint without folder and ending. */
static char *stem(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return text_format("%.*s", dot && dot > name ? (int)(dot - name) : (int)strlen(name), name);
}

char *series_of(const sheet *s, int row)
{
    const char *train = sheet_at(s, row, RESULT_TRAIN), *params = sheet_at(s, row, RESULT_SCORE_PARAMS);
    char *weights = stem(sheet_at(s, row, RESULT_WEIGHTS));
    const char *first = train[0] ? sheet_at(s, row, RESULT_NET) : weights[0] ? weights : "network";
    char *all = text_format("%s %s%s%s%s%s", first, train, train[0] ? " " : "", sheet_at(s, row, RESULT_SCORE),
                            params[0] ? " " : "", params);
    free(weights);
    return all;
}

/* Seconds. */

/* A scorer is fitted once for all sets: each run's fit counts once. */
static int is_first_of_run(const sheet *s, int row)
{
    for (int i = 0; i < row; i++)
        if (strcmp(sheet_at(s, i, RESULT_RUN), sheet_at(s, row, RESULT_RUN)) == 0)
            return 0;
    return 1;
}

static void sum_of_series(const sheet *s, const char *series, double *fit, double *score)
{
    *fit = *score = 0;
    for (int row = 0; row < sheet_rows(s); row++) {
        char *name = series_of(s, row);
        if (strcmp(name, series) == 0 && result_ok(s, row)) {
            *score += strtod(sheet_at(s, row, RESULT_SCORE_S), NULL);
            if (is_first_of_run(s, row))
                *fit += strtod(sheet_at(s, row, RESULT_FIT_S), NULL);
        }
        free(name);
    }
}

/* What `oodbench run` said of its cells of a kind: lines "  train  ...  49.5 s" of its log. */
static double seconds_of_cells(const char *log, const char *kind)
{
    double sum = 0;
    for (const char *line = log; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        size_t n = strcspn(line, "\n"), k = strlen(kind);
        if (n < k + 5 || strncmp(line, "  ", 2) != 0 || strncmp(line + 2, kind, k) != 0 || line[k + 2] != ' ' ||
            strncmp(line + n - 2, " s", 2) != 0)
            continue;
        const char *number = line + n - 2;
        while (number > line && number[-1] != ' ')
            number--;
        sum += strtod(number, NULL);
    }
    return sum;
}

/* Writing. */

static void put(text *all, const char *key, const char *value)
{
    const char *fields[] = {key, value};
    sheet_line(all, fields, 2);
}

static void put_number(text *all, const char *key, double value)
{
    char number[32];
    snprintf(number, sizeof number, "%.6g", value);
    put(all, key, value > 0 ? number : "");
}

static void put_speeds(text *all, const sheet *results)
{
    text told = {0};
    for (int row = 0; row < sheet_rows(results); row++) {
        double seconds[2];
        char *series = series_of(results, row), *mark = text_format("\n%s\n", series);
        if (!strstr(text_str(&told), mark)) {
            static const char *const what[] = {"fit", "score"};
            text_add(&told, "%s", mark);
            sum_of_series(results, series, &seconds[0], &seconds[1]);
            for (int i = 0; i < 2; i++) {
                char *key = text_format("%s_s.%s", what[i], series);
                put_number(all, key, seconds[i]);
                free(key);
            }
        }
        free(mark);
        free(series);
    }
    text_free(&told);
}

static void put_settings(text *all, const config *c)
{
    char *canonical = config_canonical(c), *rest = canonical;
    for (char *line; rest && (line = strsep(&rest, "\n")) != NULL && *line;) {
        char *colon = strstr(line, ": ");
        if (!colon)
            continue;
        *colon = '\0';
        char *key = text_format("config.%s", line);
        put(all, key, colon + 2);
        free(key);
    }
    free(canonical);
}

/* "cpu (AMD EPYC, 2 threads)", as the first cell's log has it; to be freed. */
static char *device_of(const experiment *e)
{
    for (int row = 0; row < sheet_rows(e->now.results); row++) {
        char *path = text_format("%s/cache/%s.log", e->out, sheet_at(e->now.results, row, RESULT_RUN)), *bytes;
        size_t n;
        const char *line = NULL;
        char *found = NULL;
        if (file_exists(path) && file_read(path, &bytes, &n) == 0) {
            line = strncmp(bytes, "device: ", 8) == 0 ? bytes : strstr(bytes, "\ndevice: ");
            if (line) {
                line = strstr(line, "device: ") + 8;
                found = text_format("%.*s", (int)strcspn(line, "\r\n"), line);
            }
            free(bytes);
        }
        free(path);
        if (found)
            return found;
    }
    return text_copy("");
}

int made_write(const experiment *e, const night *n, double before, double after)
{
    text all = {0};
    char *path = text_format("%s/made.csv", e->out), *log = text_format("%s.log", e->out), *said = NULL,
         *device = device_of(e);
    size_t size;
    if (file_exists(log) && file_read(log, &said, &size) != 0)
        said = NULL;
    put(&all, made_names[0], made_names[1]);
    put(&all, "commit", n->commit);
    put(&all, "machine", n->machine);
    put(&all, "threads", config_text(e->settings, "threads") ? config_text(e->settings, "threads") : "");
    put(&all, "device", device);
    put_number(&all, "calibration_before_s", before);
    put_number(&all, "calibration_after_s", after);
    put_number(&all, "calibration_s", (before + after) / 2);
    put_number(&all, "train_s", seconds_of_cells(said, "train"));
    put_number(&all, "features_s", seconds_of_cells(said, "features"));
    put_speeds(&all, e->now.results);
    put_settings(&all, e->settings);
    int rc = file_write(path, all.bytes, all.n);
    text_free(&all);
    free(device);
    free(said);
    free(log);
    free(path);
    return rc;
}
