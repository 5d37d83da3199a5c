/* gnuplot.c - gnuplot run on a figure's script, without a shell and without the
 * user's own settings; what it says becomes one line. */
#include "file.h"
#include "layout.h"
#include "plot.h"
#include "spawn.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find_gnuplot(char path[PATH_MAX])
{
    if (spawn_find(path, PATH_MAX, "gnuplot") == 0)
        return 0;
    return fault("plot: `gnuplot` is not found in PATH: install it (Debian: apt-get install gnuplot-nox)");
}

static int judge(const figure *of, const outcome *o, char **said)
{
    if (o->end == SPAWN_INTERRUPT)
        return fault("plot %s: interrupted", of->name);
    if (o->end == SPAWN_TIMEOUT)
        return fault("plot %s: gnuplot was still drawing after %.0f s", of->name, o->seconds);
    if (o->end != SPAWN_EXIT || o->code != 0)
        return fault("plot %s: gnuplot could not draw it: %s", of->name, o->last[0] ? o->last : "it died");
    int idle = strstr(o->last, "Skipping data file with no valid points") != NULL; /* a series that a panel lacks */
    *said = o->last[0] && !idle ? text_copy(o->last) : NULL;
    return 0;
}

int gnuplot_draw(const figure *of, const char *csv, const char *out, double width, char **said)
{
    char gnuplot[PATH_MAX], folder[PATH_MAX], plain[] = "-d", script_follows[] = "-c";
    outcome o;
    *said = NULL;
    if (find_gnuplot(gnuplot) != 0)
        return -1;
    char *script = text_format("%s/%s.gp", layout_root(folder, sizeof folder, "plots"), of->name);
    char *cm = text_format("%.9g", width), data[PATH_MAX],
         picture[PATH_MAX]; /* "|x" would be a command to gnuplot */
    layout_absolute(data, sizeof data, csv);
    layout_absolute(picture, sizeof picture, out);
    char *argv[] = {gnuplot, plain, script_follows, script, data, picture, width > 0 ? cm : NULL, NULL};
    job j = {.argv = argv, .report_fd = 3, .timeout_s = 60};
    setenv("LC_ALL", "C.UTF-8", 1);
    int rc = file_exists(script) ? spawn_run(&o, &j) : fault("plot %s: its script %s is missing", of->name, script);
    if (rc == 0)
        rc = judge(of, &o, said);
    free(script);
    free(cm);
    return rc;
}

int gnuplot_describe(char *said, size_t cap)
{
    char gnuplot[PATH_MAX], plain[] = "-d", execute[] = "-e";
    char ask[] =
        "has(t) = strstrt(\" \".GPVAL_TERMINALS.\" \", \" \".t.\" \") > 0; "
        "print sprintf(\"%s draws%s%s%s%s\", sprintf(\"%.1f\", GPVAL_VERSION), has(\"svg\") ? \" .svg\" : \"\", "
        "has(\"pngcairo\") || has(\"png\") ? \" .png\" : \"\", has(\"pdfcairo\") ? \" .pdf\" : \"\", "
        "has(\"tikz\") || has(\"cairolatex\") ? \" .tex\" : \"\")";
    outcome o;
    if (find_gnuplot(gnuplot) != 0)
        return -1;
    char *argv[] = {gnuplot, plain, execute, ask, NULL};
    job j = {.argv = argv, .report_fd = 3, .timeout_s = 20};
    if (spawn_run(&o, &j) != 0)
        return -1;
    if (o.end != SPAWN_EXIT || o.code != 0 || !strstr(o.last, " draws"))
        return fault("gnuplot does not answer: %s", o.last[0] ? o.last : "it died");
    snprintf(said, cap, "%s", o.last);
    return 0;
}
