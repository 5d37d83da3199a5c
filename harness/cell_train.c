/* cell_train.c - the cell that trains a network: its recipe and data from the cell
 * file, then train_run(). */
#include "cell.h"
#include "fault.h"
#include "file.h"
#include "train.h"

#include <stdio.h>
#include <string.h>

/* The method whose loss the trained one minimises, where it has such a parameter. */
static int open_base(const cell *k, train_job *job)
{
    const char *name = plugin_base(k->plugin), *path = config_text(k->c, "base");
    if (!name)
        return 0;
    if (!path)
        return cell_missing("base");
    if (plugin_open(&job->base, path) != 0 || plugin_configure(job->base, k->c) != 0)
        return -1;
    if (strcmp(plugin_method(job->base)->name, name) != 0 || !plugin_method(job->base)->loss)
        return fault("%s: expected the training method %s in %s, found %s", config_origin(k->c, "base"), name, path,
                     plugin_method(job->base)->name);
    return 0;
}

int cell_train(cell *k)
{
    char csv[4096], name[64];
    train_job job = {.name = k->run, .id = cell_set_path(k, k->id), .out = config_text(k->c, "out"), .csv = csv};
    run r;
    if (!job.id || recipe_read(&job.recipe, k->c) != 0 || config_real(k->c, "save_s", &job.save_s, 0, 1e8) != 0 ||
        cell_open_method(k, "train") != 0 || open_base(k, &job) != 0)
        return -1;
    if (!job.out)
        return cell_missing("out");
    if (config_items(k->c, "outliers") > 1)
        return fault("%s: expected one set of outliers, found %d", config_origin(k->c, "outliers"),
                     config_items(k->c, "outliers"));
    if (config_items(k->c, "outliers") == 1 && !(job.outliers = cell_set_path(k, config_text(k->c, "outliers"))))
        return -1;
    snprintf(name, sizeof name, "%s-train.csv", k->run);
    file_join(csv, sizeof csv, k->extractor.cache, name);
    run_begin(&r, &k->extractor, job.id, (uint64_t)k->seed);
    int rc = train_run(k->plugin, &r, &job);
    run_end(&r);
    plugin_close(job.base);
    return rc;
}
