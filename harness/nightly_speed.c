/* nightly_speed.c - seconds of tonight against the baseline's, each divided by those that
 * the calibration loop took in the same run. */
#include "nightly.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST 0.1 /* seconds: what takes less on both sides is as long as the machine's whims */
#define UNSTEADY 1.3 /* a machine whose own speed changes more than this during a run is no clock */

static double steadiness(const sheet *made)
{
    double a = made_number(made, "calibration_before_s"), b = made_number(made, "calibration_after_s");
    return fmax(a / b, b / a);
}

static void find(night *n, int index, const char *key, double was, double is, double times)
{
    const experiment *e = &n->at[index];
    const char *dot = strchr(key, '.'), *commit = made_get(e->before.made, "commit"),
               *now = made_get(e->now.made, "commit");
    nightly_add(
        n, (finding){.experiment = index,
                     .weight = n->speed,
                     .series = text_copy(dot ? dot + 1 : "all"),
                     .kind = text_format("%.*s", (int)strcspn(key, "_"), key),
                     .where = text_copy(""),
                     .what = text_format("%.3g s -> %.3g s (%.2g times as long for this machine)", was, is, times),
                     .why = text_format("more than %g times", n->speed_factor),
                     .was = text_format("commit %s", commit && *commit ? commit : "(none)"),
                     .is = text_format("commit %s", now && *now ? now : "(none)"),
                     .key = text_format("calibration_s: %s -> %s", made_get(e->before.made, "calibration_s"),
                                        made_get(e->now.made, "calibration_s")),
                     .size = times});
}

static void note(night *n, int index, char *what)
{
    nightly_add(n, (finding){.experiment = index,
                             .weight = NOTED,
                             .series = text_copy("speed"),
                             .kind = text_copy("not compared"),
                             .where = text_copy(""),
                             .what = what,
                             .why = text_copy(""),
                             .was = text_copy(""),
                             .is = text_copy(""),
                             .key = text_copy("")});
}

static int is_seconds(const char *key)
{
    const char *dot = strchr(key, '.');
    size_t n = dot ? (size_t)(dot - key) : strlen(key);
    return n > 2 && strncmp(key + n - 2, "_s", 2) == 0 && strncmp(key, "calibration", 11) != 0 &&
           strncmp(key, "config", 6) != 0;
}

void speed_compare(night *n, int index)
{
    const experiment *e = &n->at[index];
    const sheet *was = e->before.made, *is = e->now.made;
    double a = made_number(was, "calibration_s"), b = made_number(is, "calibration_s");
    const char *machine = made_get(was, "machine"), *here = made_get(is, "machine");
    if (n->speed == NOTED)
        return;
    if (!(a > 0) || !(b > 0)) {
        note(n, index, text_copy("speeds are not compared: one side has no calibration (made.csv)"));
        return;
    }
    if (steadiness(is) > UNSTEADY) {
        note(n, index,
             text_format("speeds are not compared: the machine's own speed changed %.2g times during the run",
                         steadiness(is)));
        return;
    }
    if (machine && here && strcmp(machine, here) != 0) {
        note(n, index, text_format("speeds are not compared: %s is another kind of machine", machine));
        return;
    }
    for (int row = 0; row < sheet_rows(is); row++) {
        const char *key = sheet_at(is, row, 0);
        double before = made_number(was, key), now = made_number(is, key), times = now / b / (before / a);
        if (is_seconds(key) && fmax(before, now) >= SHORTEST && times > n->speed_factor)
            find(n, index, key, before, now, times);
    }
}
