/* quick.c - one file says two things: the experiment, and how to try it in minutes. */
#include "quick.h"
#include "fault.h"

#include <string.h>

static const char prefix[] = "quick.";
enum { PREFIX = sizeof prefix - 1 };

static void take(config *c, const char *key, const config *file, const char *from)
{
    const char *origin = config_origin(file, from);
    config_set(c, key, "null", origin);
    for (int i = 0; i < config_items(file, from); i++)
        config_append(c, key, config_item(file, from, i), origin);
}

int quick_take(config *c, const config *file, int quick, const char *path)
{
    int changed = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < config_count(file); i++) {
            const char *key = config_key(file, i);
            int below = strncmp(key, prefix, PREFIX) == 0;
            if (below != pass || (below && !quick))
                continue;
            changed += below;
            take(c, key + (below ? PREFIX : 0), file, key);
        }
    return quick && !changed
               ? fault("--quick: %s says nothing under `quick:`; add the keys that a quick run changes", path)
               : 0;
}
