/* cell_sets.c - the cells that look at sets: extracting features, and running one
 * scorer over them. */
#include "cell.h"
#include "engine.h"
#include "fault.h"
#include "report.h"
#include "score.h"

#include <stdlib.h>

/* Computes what is not cached and reports how many labels were right. */
static int extract(const cell *k, const char *set, const char *split)
{
    features f;
    const char *path = cell_set_path(k, set);
    if (!path || features_get(&f, &k->extractor, path, split) != 0)
        return -1;
    report_line("accuracy\tset=%s\tsplit=%s\tn=%lld\tcorrect=%lld", set, split, (long long)f.n,
                (long long)features_correct(f.logits, f.labels, f.n, f.classes));
    features_free(&f);
    return 0;
}

int cell_features(cell *k)
{
    static const char *const splits[] = {"train", "val", "test"}, *const groups[] = {"near", "far", "csid"};
    for (int i = 0; i < 3; i++)
        if (extract(k, k->id, splits[i]) != 0)
            return -1;
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < config_items(k->c, groups[g]); i++)
            if (extract(k, config_item(k->c, groups[g], i), "test") != 0)
                return -1;
    return EXIT_OK;
}

int cell_score(cell *k)
{
    static const char *const groups[] = {"near", "far"};
    const char *id = cell_set_path(k, k->id);
    int n = 1, room = 1 + config_items(k->c, "near") + config_items(k->c, "far");
    run r;
    if (!id || cell_open_method(k, "score") != 0)
        return -1;
    score_set *sets = pool_host((size_t)room * sizeof *sets);
    sets[0] = (score_set){k->id, "id", id, "test"};
    int rc = 0;
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < config_items(k->c, groups[g]) && rc == 0; i++, n++) {
            const char *name = config_item(k->c, groups[g], i);
            sets[n] = (score_set){name, groups[g], cell_set_path(k, name), "test"};
            rc = sets[n].path ? 0 : -1;
        }
    if (rc == 0) {
        run_begin(&r, &k->extractor, id, (uint64_t)k->seed);
        rc = score_sets(k->plugin, &r, sets, n);
        run_end(&r);
    }
    free(sets);
    return rc;
}
