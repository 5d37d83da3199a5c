/* headings.c - a training method is asked through the registry, once; where that
 * is not possible, its lines say so by the last heading. */
#include "headings.h"
#include "../methods/method.h"
#include "fault.h"
#include "registry.h"

#include <stdio.h>
#include <string.h>

const char *const heading_titles[HEADINGS] = {
    "post-hoc",           "training without outliers", "training with outliers",
    "OOD generalisation", "sharpness-based",           "training by methods that are not here",
};

static enum heading of_method(const entry_point *m)
{
    static const enum heading of_family[] = {[FAMILY_BASELINE] = HEADING_POST_HOC,
                                             [FAMILY_GENERALISATION] = HEADING_GENERALISATION,
                                             [FAMILY_SHARPNESS] = HEADING_SHARPNESS};
    if (m->refusal || !(m->loss || m->step))
        return HEADING_UNKNOWN;
    if (m->family == FAMILY_BY_OUTLIERS)
        return m->outliers ? HEADING_WITH : HEADING_WITHOUT;
    return of_family[m->family];
}

enum heading heading_of(const char *train)
{
    static registry methods; /* kept for as long as the program runs */
    static int opened;       /* 1: it is there, -1: it cannot be read */
    char name[64];
    if (!*train)
        return HEADING_POST_HOC;
    if (!opened) {
        opened = registry_open(&methods) == 0 ? 1 : -1;
        if (opened == -1)
            fprintf(stderr, "oodbench: lines of training methods are not grouped: %s\n", fault_text());
    }
    snprintf(name, sizeof name, "%.*s", (int)strcspn(train, " "), train);
    entry_point *m = opened == 1 ? registry_find(&methods, name) : NULL;
    return m && registry_describe(m) == 0 ? of_method(m) : HEADING_UNKNOWN;
}
