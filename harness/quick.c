/* quick.c - one file says two things: the experiment, and how to try it in minutes. */
#include "quick.h"
#include "fault.h"

#include <string.h>

static const char prefix[] = "quick.";
enum { PREFIX = sizeof prefix - 1 };

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
            config_copy(c, key + (below ? PREFIX : 0), file, key);
        }
    return quick && !changed
               ? fault("--quick: %s says nothing under `quick:`; add the keys that a quick run changes", path)
               : 0;
}
