/* method.c - every scorer against its hand checks, tests/methods/NAME.csv, on
 * toy problem T of the specification, on every backend; what holds for all
 * scorers; and that no claim of a plugin is believed unchecked. Scorers that
 * look at images have tests/inputs.c.
 *
 * T has two features, three classes, six training samples. It is embedded in
 * the 64 features of a real network by zeros, which changes no score. */
#include "../kernels/random.h"
#include "toy.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WIDTH = TOY_WIDTH, CLASSES = 3, MANY = 300, FEW = 37, MOST = 256 };

typedef struct test_case {
    char name[96], method[32];
    const char *device;
} test_case;

static test_case cases[MOST];
static struct CMUnitTest tests[MOST];
static int ncases;

/* In a process of its own, which must say why and end with EXIT_CONFIG. Only on
 * ref: the threads of other backends do not survive a fork. */
static void must_refuse(const char *name, const char *parameters, float h1, float h2)
{
    int status, err[2];
    char said[1024] = "";
    assert_int_equal(pipe(err), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(err[1], STDERR_FILENO);
        dup2(err[1], STDOUT_FILENO);
        toy_score("ref", &toy_t, name, parameters, (const float[]){h1, h2});
        _exit(0);
    }
    close(err[1]);
    assert_true(read(err[0], said, sizeof said - 1) > 0);
    close(err[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_CONFIG);
    assert_non_null(strstr(said, name));
}

typedef struct row {
    char parameters[128], score[64];
    float h1, h2;
} row;

/* The next row of a hand-check file; 0 at its end. */
static int next_row(FILE *f, row *r)
{
    char line[512];
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#' || strncmp(line, "parameters,", 11) == 0)
            continue;
        char *comma = strchr(line, ',');
        if (!comma || sscanf(comma, ",%f,%f,%63[^\n]", &r->h1, &r->h2, r->score) != 3)
            fail_msg("no row of parameters,h1,h2,score: %s", line);
        snprintf(r->parameters, sizeof r->parameters, "%.*s", (int)(comma - line), line);
        return 1;
    }
    return 0;
}

static FILE *open_rows(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "tests/methods/%s.csv", name);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: every scorer has hand checks there", path);
    return f;
}

static void hand_checks(void **state)
{
    const test_case *c = *state;
    int compared = 0;
    row r;
    FILE *f = open_rows(c->method);
    while (next_row(f, &r)) {
        if (strcmp(r.score, "refused") == 0) {
            if (strcmp(c->device, "ref") == 0)
                must_refuse(c->method, r.parameters, r.h1, r.h2);
            continue;
        }
        toy_expect(c->device, &toy_t, c->method, r.parameters, (const float[]){r.h1, r.h2}, atof(r.score));
        compared++;
    }
    fclose(f);
    assert_true(compared > 0);
}

static features permuted(const features *f, int64_t n, int64_t stride)
{
    features g = toy_room(n, CLASSES);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = i * stride % f->n;
        memcpy(g.values + i * WIDTH, f->values + from * WIDTH, WIDTH * sizeof(float));
        memcpy(g.logits + i * CLASSES, f->logits + from * CLASSES, CLASSES * sizeof(float));
        g.labels[i] = f->labels[from];
    }
    return g;
}

/* Scores do not depend on the order of samples nor on how many there are. */
static void invariances(void **state)
{
    const test_case *c = *state;
    run r;
    row first;
    extractor e = {0};
    samples all, turned, few;
    float a[MANY], b[MANY], d[FEW];
    toy_open(c->device, &toy_t);
    e.net = toy_net;
    FILE *f = open_rows(c->method);
    assert_true(next_row(f, &first)); /* its parameters suit the width */
    fclose(f);
    plugin *p = toy_method(c->method, first.parameters);
    run_begin(&r, &e, NULL, 0);
    toy_fill(&r.splits[RUN_TRAIN], &r, toy_random(MANY, CLASSES, 10));
    toy_fill(&r.splits[RUN_VAL], &r, toy_random(MANY, CLASSES, 20));
    toy_fill(&all, &r, toy_random(MANY, CLASSES, 30));
    toy_fill(&turned, &r, permuted(&all.known, MANY, 7)); /* 7 and 300 share no factor */
    toy_fill(&few, &r, permuted(&all.known, FEW, 1));
    tx_open();
    score_fit(p, &r);
    assert_int_equal(score_samples(p, &r, &all, a), 0);
    assert_int_equal(score_samples(p, &r, &turned, b), 0);
    assert_int_equal(score_samples(p, &r, &few, d), 0);
    tx_close();
    for (int i = 0; i < MANY; i++)
        assert_memory_equal(&b[i], &a[i * 7 % MANY], sizeof *a);
    assert_memory_equal(d, a, sizeof d);
    int different = 0;
    for (int i = 1; i < MANY; i++)
        different += a[i] != a[0];
    assert_true(different > MANY / 2); /* else the above says nothing */
    samples_end(&all);
    samples_end(&turned);
    samples_end(&few);
    run_end(&r);
    plugin_close(p);
}

/* What a plugin may not claim. */

struct claims {
    int64_t count;
    double size;
    int choice;
};

static tensor *no_score(void *self, run *r, samples *s)
{
    (void)self, (void)r;
    return samples_logits(s);
}

static int check_claims(const param *table, uint32_t n)
{
    method m = {METHOD_HEAD,
                .name = "x",
                .cite = "y",
                .score = no_score,
                .params = table,
                .nparams = n,
                .self_bytes = sizeof(struct claims)};
    return plugin_check(&m, "folder/x.so");
}

static void parameter_tables(void **state)
{
    (void)state;
    const param good[] = {
        PARAM(struct claims, count, .init = 5, .min = 1, .max = 9, .sweep = "1 9", .help = "h"),
        PARAM(struct claims, size, .init = 0.5, .min = 0, .max = 1, .help = "h"),
        PARAM(struct claims, choice, .init = 1, .choices = "one two", .help = "h"),
    };
    assert_int_equal(check_claims(good, 3), 0);
    struct {
        param p;
        const char *says;
    } bad[] = {
        {PARAM(struct claims, count, .init = 10, .min = 1, .max = 9, .help = "h"), "outside"},
        {PARAM(struct claims, count, .init = 1.5, .min = 1, .max = 9, .help = "h"), "whole number"},
        {PARAM(struct claims, size, .init = 1, .min = 9, .max = 1, .help = "h"), "min < max"},
        {PARAM(struct claims, size, .init = 1, .min = 0, .max = INFINITY, .help = "h"), "finite"},
        {PARAM(struct claims, size, .init = NAN, .min = 0, .max = 1, .help = "h"), "outside"},
        {PARAM(struct claims, size, .init = 1, .min = 0, .max = 1), "help"},
        {PARAM(struct claims, size, .init = 1, .min = 0, .max = 1, .sweep = "0 2", .help = "h"), "sweep"},
        {PARAM(struct claims, size, .init = 1, .min = 0, .max = 1, .sweep = "1", .help = "h"), "nothing to choose"},
        {PARAM(struct claims, choice, .init = 2, .choices = "one two", .help = "h"), "choices"},
        {PARAM(struct claims, choice, .init = 0, .help = "h"), "choices"},
        {{.name = "count", .kind = PARAM_INT, .offset = 4, .min = 1, .init = 1, .max = 2, .help = "h"},
         "do not lie"},
        {{.name = "count", .kind = PARAM_INT, .offset = 1 << 20, .min = 1, .init = 1, .max = 2, .help = "h"},
         "do not lie"},
        {{.name = "Count", .kind = PARAM_INT, .min = 1, .init = 1, .max = 2, .help = "h"}, "proper name"},
        {{.kind = PARAM_INT, .min = 1, .init = 1, .max = 2, .help = "h"}, "proper name"},
        {{.name = "count", .kind = (enum param_kind)9, .help = "h"}, "unknown kind"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check_claims(&bad[i].p, 1), -1);
        if (!strstr(fault_text(), bad[i].says))
            fail_msg("expected a word of `%s`, found: %s", bad[i].says, fault_text());
    }
    const param twice[] = {good[0], good[0]};
    assert_int_equal(check_claims(twice, 2), -1);
    assert_non_null(strstr(fault_text(), "twice"));
}

static void plugin_claims(void **state)
{
    (void)state;
    const method m = {METHOD_HEAD, .name = "x", .cite = "y"};
    assert_int_equal(plugin_check(&m, "folder/x.so"), -1); /* does nothing */
    method named = m;
    named.score = no_score;
    assert_int_equal(plugin_check(&named, "folder/x.so"), 0);
    assert_int_equal(plugin_check(&named, "folder/other.so"), -1);
    named.family = FAMILY_SHARPNESS; /* of a scorer */
    assert_int_equal(plugin_check(&named, "folder/x.so"), -1);
    named.family = FAMILY_BY_OUTLIERS;
    named.nparams = 1;
    assert_int_equal(plugin_check(&named, "folder/x.so"), -1);
}

static void refused(const char *file, const char *says)
{
    char path[512];
    plugin *p;
    snprintf(path, sizeof path, "%s/%s", tested_build(), file);
    assert_int_equal(plugin_open(&p, path), -1);
    if (!strstr(fault_text(), says))
        fail_msg("expected a word of `%s`, found: %s", says, fault_text());
}

static void stale_plugins(void **state)
{
    (void)state;
    refused("tests/bad/abi.so", "abi: ");
    refused("tests/bad/none.so", "none.so");
    refused("flags", "flags"); /* a text file */
    refused("kernels/ref.so", "method_entry");
}

static void configuration(void **state)
{
    (void)state;
    char text[64];
    config *c = config_new();
    plugin *p = toy_method("knn", "k=7");
    plugin_settings(p, text, sizeof text);
    assert_string_equal(text, "k=7");
    assert_int_equal(config_parse(c, "knn.kk: 3", "a.yml"), 0);
    assert_int_equal(plugin_configure(p, c), -1);
    assert_non_null(strstr(fault_text(), "`k`"));
    config_free(c);
    c = config_new();
    assert_int_equal(config_parse(c, "knn.k: 0", "a.yml"), 0);
    assert_int_equal(plugin_configure(p, c), -1);
    assert_non_null(strstr(fault_text(), "knn.k"));
    config_free(c);
    plugin_close(p);
}

static void add(CMUnitTestFunction f, const char *device, const char *name, const char *what)
{
    assert_true(ncases < MOST);
    test_case *c = &cases[ncases];
    if (device)
        snprintf(c->name, sizeof c->name, "%s: %s on %s", name, what, device);
    else
        snprintf(c->name, sizeof c->name, "%s", what);
    snprintf(c->method, sizeof c->method, "%s", name);
    c->device = device;
    tests[ncases++] = (struct CMUnitTest){.name = c->name, .test_func = f, .initial_state = c};
}

static void add_scorer(const char *device, const char *name)
{
    char path[512];
    plugin *p = NULL;
    snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), name);
    if (plugin_open(&p, path) != 0 ||
        (plugin_method(p)->score && !plugin_method(p)->inputs)) { /* a broken one fails its case */
        add(hand_checks, device, name, "hand checks");
        add(invariances, device, name, "invariances");
    }
    if (p)
        plugin_close(p);
}

/* The folder is the list: methods/NAME.c. */
static void add_scorers(const char *device)
{
    struct dirent **found;
    int n = scandir("methods", &found, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        size_t length = strlen(found[i]->d_name);
        if (length > 2 && strcmp(found[i]->d_name + length - 2, ".c") == 0) {
            found[i]->d_name[length - 2] = '\0';
            add_scorer(device, found[i]->d_name);
        }
        free(found[i]);
    }
    free(found);
}

/* `method "knn: *"` runs only the cases of that name. */
int main(int argc, char **argv)
{
    toy_begin();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    add(parameter_tables, NULL, "", "parameter tables");
    add(plugin_claims, NULL, "", "plugin claims");
    add(stale_plugins, NULL, "", "stale plugins");
    add(configuration, NULL, "", "configuration");
    add_scorers("ref"); /* first: it has no threads, and a fork needs none */
    add_scorers(tested_device());
    return _cmocka_run_group_tests("method", tests, (size_t)ncases, NULL, NULL);
}
