/* given_main.c - `oodbench score`: scorers on features and logits from elsewhere. The
 * file is checked, its sets take the place of a benchmark's, and what follows is an
 * experiment like any other. */
#include "commands.h"
#include "fault.h"
#include "file.h"
#include "given.h"
#include "layout.h"
#include "run.h"
#include "settings.h"
#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The keys of an experiment that mean something here. */
static const char *const keys[] = {"score",   "search",    "id",       "seed", "device", "precision", "fast",
                                   "threads", "timeout_s", "limit_mb", "out",  "cosine", "jobs"};
enum { KEYS = sizeof keys / sizeof *keys };

static int help(FILE *to)
{
    fputs("usage: oodbench score FEATURES [--score LIST] [--METHOD.parameter VALUE] ...\n"
          "Scores features and logits that were computed elsewhere and prints the tables\n"
          "of `oodbench run`.\n"
          "\n"
          "FEATURES is HDF5, .npz, .safetensors, what torch.save() wrote, or a folder of\n"
          ".npy. Arrays in it:\n"
          "  train/features [n,D]  train/logits [n,C]  train/labels [n]\n"
          "                                      what scorers are fitted on\n"
          "  val/...    test/...                 the same of validation and test data\n"
          "  near/NAME/...  far/NAME/...         near-OOD and far-OOD sets\n"
          "  csid/NAME/...                       covariate-shifted ID sets\n"
          "  ood/NAME/...                        as far/NAME\n"
          "  tune/NAME/...                       outliers that --search looks at\n"
          "  head/weight [C,D]  head/bias [C]    the last linear layer\n"
          "`.` and `_` separate like `/`: train_features. Floats are of 16, 32 or 64 bits,\n"
          "labels whole numbers. `test` and one other set are needed, of a set features or\n"
          "logits. Logits that are missing are computed by the head. Scorers that need\n"
          "what is not there are left out, with a line that says so.\n"
          "\n"
          "  import h5py     # or numpy: np.savez(\"features.npz\", train_features=f, ...)\n"
          "  with h5py.File(\"features.h5\", \"w\") as h:\n"
          "      for n, (f, z, y) in {\"train\": train, \"val\": val, \"test\": test}.items():\n"
          "          h[n + \"/features\"], h[n + \"/logits\"], h[n + \"/labels\"] = f, z, y\n"
          "      h[\"near/tin/features\"], h[\"near/tin/logits\"] = f_tin, z_tin\n"
          "      h[\"head/weight\"], h[\"head/bias\"] = [p.detach() for p in fc.parameters()]\n"
          "\n"
          "Of a CLIP model: test/image_features, far/NAME/image_features, ... and\n"
          "text_features [C,D] for the head (also image_embeds, image_embeddings,\n"
          "text_embeds, text_embeddings), normalised or not:\n"
          "\n"
          "  np.savez(\"clip.npz\", test_image_features=f, test_labels=y,\n"
          "           far_sun_image_features=f_sun, text_features=t)\n"
          "  oodbench score clip.npz --cosine 100 --score delta_energy,msp,mls\n"
          "  oodbench score clip.npz --cosine 1 --score msp       # MCM: temperature 1\n"
          "\n"
          "  --score LIST      knn,vim; default: all that can run\n"
          "  --METHOD.p VALUE  a parameter, `oodbench methods` lists them; lists multiply\n"
          "  --search          choose parameters that are not given, by val against tune\n"
          "  --cosine SCALE    head/weight are embeddings of the classes, as of CLIP:\n"
          "                    features and they are made as long as one, logits are SCALE\n"
          "                    (of CLIP: 100) times their product\n"
          "  --id NAME         what tables call the ID test set; default: test\n"
          "  --out DIR         default: results/out/ and the file's name\n"
          "  --device --threads --jobs --precision --fast --seed --timeout_s --limit_mb\n"
          "                    as of `oodbench run`\n"
          "Exit status: 0 all rows are there, 1 some failed, 2 nothing could be run.\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

/* Keys of methods are checked later, with those of every experiment. */
static int check_keys(const config *c)
{
    for (int i = 0; i < config_count(c); i++) {
        const char *key = config_key(c, i), *near = config_nearest(key, keys, KEYS);
        int j = 0;
        while (j < KEYS && strcmp(keys[j], key) != 0)
            j++;
        if (j == KEYS && !strchr(key, '.'))
            return fault("--%s: `oodbench score` has no such option%s%s%s", key,
                         near ? "; did you mean `--" : ": `oodbench score --help` lists them", near ? near : "",
                         near ? "`?" : "");
    }
    return 0;
}

/* --cosine is no key of an experiment: taken out. */
static int take_options(config *c, const config *options, double *cosine)
{
    *cosine = 0;
    if (config_has(options, "cosine") && config_real(options, "cosine", cosine, 1e-3, 1e6) != 0)
        return -1;
    for (int i = 0; i < config_count(options); i++)
        if (strcmp(config_key(options, i), "cosine") != 0)
            config_copy(c, config_key(options, i), options, config_key(options, i));
    return settings_complete(c);
}

static void set_text(config *c, const char *key, const char *value)
{
    config_set(c, key, "null", "");
    config_append(c, key, value, "");
}

/* near, far, csid, tune of a configuration, as the file has them. */
static int take_sets(config *c, const given *g)
{
    if (config_items(c, "id") == 0)
        set_text(c, "id", "test");
    for (int i = 0; i < g->nsets; i++) {
        const given_set *s = &g->sets[i];
        if (s->role < GIVEN_NEAR)
            continue;
        if (s->role <= GIVEN_CSID && strcmp(s->name, config_text(c, "id")) == 0)
            return fault("%s: the set %s/%s is called as the ID test set is: give another `--id NAME`", g->path,
                         given_role_name(s->role), s->name);
        config_append(c, given_role_name(s->role), s->name, g->path);
    }
    int search = 0;
    if (config_flag(c, "search", &search) != 0)
        return -1;
    if (search && (config_items(c, "tune") == 0 || !given_find(g, GIVEN_VAL, "")))
        return fault(
            "--search: %s has no %s: parameters are chosen by ID validation data, `val`, against outliers, "
            "`tune/NAME`",
            g->path, config_items(c, "tune") == 0 ? "tune/NAME" : "val");
    return 0;
}

/* What the cells are told; behind expand_given, since these are no keys of experiments. */
static void tell_cells(config *c, const given *g, double cosine)
{
    char key[300], number[32];
    set_text(c, "given", g->path);
    if (cosine > 0)
        set_text(c, "cosine", text_number(number, cosine));
    snprintf(key, sizeof key, "data.%.255s", config_text(c, "id"));
    set_text(c, key, ".");
    for (int i = 0; i < g->nsets; i++)
        if (g->sets[i].role >= GIVEN_NEAR) {
            snprintf(key, sizeof key, "data.%.255s", g->sets[i].name);
            set_text(c, key, g->sets[i].name);
        }
}

/* Every method that scores, but for those that look at images. */
static int choose_all(plan *p, const given *g)
{
    text images = {0};
    for (int i = 0; i < p->methods.n; i++) {
        entry_point *m = &p->methods.methods[i];
        if (registry_describe(m) != 0)
            return -1;
        if (m->refusal)
            fprintf(stderr, "left out: %s: %s\n", m->name, m->refusal);
        else if (m->score && m->inputs)
            text_add(&images, "%s%s", images.n ? ", " : "", m->name);
        else if (m->score)
            config_append(p->c, "score", m->name, "all scorers");
    }
    if (images.n)
        fprintf(stderr, "left out: %s, which look at images: %s has none\n", images.bytes, g->name);
    text_free(&images);
    p->all_scorers = 1;
    return 0;
}

static int check_chosen(const plan *p, const given *g)
{
    for (int i = 0; i < config_items(p->c, "score"); i++) {
        entry_point *m = registry_find(&p->methods, config_item(p->c, "score", i));
        if (m && registry_describe(m) != 0)
            return -1;
        if (m && m->inputs)
            return fault("--score: %s looks at images, and %s has none: use `oodbench run`", m->name, g->name);
    }
    return 0;
}

/* Names what is computed from these bytes, read in this way. */
static int name_bytes(const given *g, char digest[FILE_DIGEST])
{
    char all[FILE_DIGEST + 64];
    if (given_digest(g, digest) != 0)
        return -1;
    snprintf(all, sizeof all, "%s cosine %.17g", digest, g->cosine);
    if (g->cosine > 0)
        file_digest_bytes(digest, all, strlen(all));
    return 0;
}

/* Once for every content, which an empty file in the cache remembers. */
static int check_values(const plan *p, const given *g, const char *digest)
{
    char mark[PATH_MAX], name[64];
    snprintf(name, sizeof name, "checked-%.16s", digest);
    file_join(mark, sizeof mark, p->cache, name);
    if (file_exists(mark))
        return 0;
    return given_check(g) == 0 ? file_write(mark, "", 0) : -1;
}

static int make_plan(plan *p, const config *options)
{
    char digest[FILE_DIGEST];
    double cosine;
    given *g = NULL;
    int rc = take_options(p->c, options, &cosine) != 0 || given_open(&g, p->file, cosine, 1) != 0 ? -1 : 0;
    if (rc == 0)
        rc = take_sets(p->c, g) != 0 || registry_open(&p->methods) != 0 ? -1 : 0;
    if (rc == 0)
        rc = config_items(p->c, "score") ? check_chosen(p, g) : choose_all(p, g);
    if (rc == 0)
        rc = name_bytes(g, digest) != 0 || expand_given(p, digest) != 0 || check_values(p, g, digest) != 0 ? -1 : 0;
    if (rc == 0)
        tell_cells(p->c, g, cosine);
    given_close(g);
    return rc;
}

/* An absolute path without a slash at its end. */
static void clean_path(char out[PATH_MAX], const char *file)
{
    layout_absolute(out, PATH_MAX, file);
    for (size_t n = strlen(out); n > 1 && out[n - 1] == '/'; n--)
        out[n - 1] = '\0';
}

int score_main(int argc, char **argv)
{
    char path[PATH_MAX];
    const char *file;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return help(stdout);
    plan p = {.c = config_new()};
    config *options = config_new();
    int rc = settings_words(options, &file, "file of features", argc, argv);
    if (rc == 0)
        rc = check_keys(options);
    if (rc == 0 && !file)
        rc = fault("which features? `oodbench score FEATURES.h5`; `oodbench score --help` shows the layout");
    if (rc == 0) {
        clean_path(path, file);
        p.file = path;
        rc = make_plan(&p, options);
    }
    config_free(options);
    if (rc == 0)
        return run_experiment(&p);
    expand_free(&p);
    return -1;
}
