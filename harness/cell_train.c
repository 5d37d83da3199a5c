/* cell_train.c - the cell that trains a network: its recipe and data from the cell
 * file, then train_run(). */
#include "cell.h"
#include "fault.h"
#include "file.h"
#include "train.h"

#include <stdio.h>
#include <string.h>

static int read_recipe(const config *c, recipe *r)
{
    *r = train_recipe();
    if (config_int(c, "epochs", &r->epochs, 1, 100000) != 0 || config_int(c, "batch", &r->batch, 1, 65536) != 0 ||
        config_int(c, "outlier_batch", &r->outlier_batch, 1, 65536) != 0 ||
        config_real(c, "lr", &r->lr, 0, 1e6) != 0 || config_real(c, "lr_min", &r->lr_min, 0, 1e6) != 0 ||
        config_real(c, "momentum", &r->momentum, 0, 1) != 0 ||
        config_real(c, "weight_decay", &r->weight_decay, 0, 1e3) != 0 ||
        config_flag(c, "nesterov", &r->nesterov) != 0 || config_int(c, "crop", &r->crop, 0, 64) != 0 ||
        config_flag(c, "flip", &r->flip) != 0)
        return -1;
    return 0;
}

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
    if (!job.id || read_recipe(k->c, &job.recipe) != 0 || cell_open_method(k, "train") != 0 ||
        open_base(k, &job) != 0)
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
