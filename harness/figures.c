/* figures.c - the figures that were linked in: every KIND.c of plots/ leaves a
 * pointer in the section `figures`, in no order that can be relied on. */
#include "config.h"
#include "plot.h"

#include <string.h>

extern const figure *const __start_figures[], *const __stop_figures[]; /* the linker's names */

int figures_count(void)
{
    /* cppcheck-suppress comparePointers ; the linker puts both around one array */
    return (int)(__stop_figures - __start_figures);
}

const figure *figures_at(int i)
{
    for (int k = 0; k < figures_count(); k++) {
        int before = 0;
        for (int j = 0; j < figures_count(); j++)
            before += strcmp(__start_figures[j]->name, __start_figures[k]->name) < 0;
        if (before == i)
            return __start_figures[k];
    }
    return NULL;
}

const figure *figures_find(const char *name)
{
    const char *names[256];
    int n = 0;
    for (; n < figures_count() && n < (int)(sizeof names / sizeof *names); n++) {
        if (strcmp(__start_figures[n]->name, name) == 0)
            return __start_figures[n];
        names[n] = __start_figures[n]->name;
    }
    const char *near = config_nearest(name, names, n);
    if (near)
        fault("plot: there is no figure `%s`; did you mean `%s`?", name, near);
    else
        fault("plot: there is no figure `%s`: `oodbench plot --help` lists them", name);
    return NULL;
}
