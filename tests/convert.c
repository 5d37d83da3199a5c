/* convert.c - checkpoints as others write them: names, prefixes and wrappers that
 * are known, what is guessed, what is refused and in which words; and traces,
 * held against the network run in this process. */
#include "../harness/checkpoint.h"
#include "../harness/engine.h"
#include "../harness/network.h"
#include "program.h"
#include "tested.h"

#include <math.h>

/* The parts of a network with values that tell them apart, to be renamed and saved. */
typedef struct given {
    checkpoint_tensor *t;
    float **values;
    int64_t n;
} given;

static given make(const char *name, int64_t classes)
{
    net *n;
    given g = {0};
    if (net_outline(&n, name, classes, 0) != 0)
        fail_msg("%s", fault_text());
    g.n = n->nparts;
    g.t = calloc((size_t)g.n, sizeof *g.t);
    g.values = calloc((size_t)g.n, sizeof *g.values);
    assert_true(g.t && g.values);
    for (int64_t i = 0; i < g.n; i++) {
        net_torch_dims(&n->parts[i], &g.t[i]);
        g.t[i].name = text_copy(g.t[i].name);
        g.values[i] = text_more(NULL, (size_t)g.t[i].count * sizeof(float));
        int positive = n->parts[i].kind == PART_VARIANCE || n->parts[i].kind == PART_GAMMA;
        for (int64_t k = 0; k < g.t[i].count; k++)
            g.values[i][k] = (float)((k * 31 + i * 7) % 101 - 50) / 500 + (float)positive;
    }
    nn_free(n);
    return g;
}

static void drop(given *g)
{
    for (int64_t i = 0; i < g->n; i++) {
        free((char *)g->t[i].name);
        free(g->values[i]);
    }
    free(g->t);
    free(g->values);
}

static void rename_to(checkpoint_tensor *t, char *name)
{
    free((char *)t->name);
    t->name = name;
}

/* In every name: `from` becomes `to` where it is found; "" is found in front. */
static void respell(given *g, const char *from, const char *to)
{
    int met = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const char *name = g->t[i].name, *at = strstr(name, from);
        if (!at)
            continue;
        rename_to(&g->t[i], text_format("%.*s%s%s", (int)(at - name), name, to, at + strlen(from)));
        met++;
    }
    assert_true(met > 0);
}

static void save(const given *g, const char *file)
{
    char *path = text_format("%s/%s", here, file);
    if (checkpoint_save(path, g->t, (const float *const *)g->values, g->n, NULL) != 0)
        fail_msg("%s", fault_text());
    free(path);
}

/* The file holds the same tensors under the names that `want` has. */
static void assert_holds(const char *file, const given *want)
{
    char *path = text_format("%s/%s", here, file);
    checkpoint *c;
    if (checkpoint_open(&c, path) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(checkpoint_count(c), want->n);
    for (int64_t i = 0; i < want->n; i++) {
        const checkpoint_tensor *t = checkpoint_find(c, want->t[i].name);
        if (!t || t->ndims != want->t[i].ndims || memcmp(t->dims, want->t[i].dims, sizeof t->dims) != 0)
            fail_msg("%s is missing or has other extents", want->t[i].name);
        float *values = text_more(NULL, (size_t)t->count * sizeof *values);
        assert_int_equal(checkpoint_floats(c, t, values), 0);
        assert_memory_equal(values, want->values[i], (size_t)t->count * sizeof *values);
        free(values);
    }
    checkpoint_close(c);
    free(path);
}

static int exists(const char *file)
{
    char *path = text_format("%s/%s", here, file);
    int there = file_exists(path);
    free(path);
    return there;
}

/* Converts in.safetensors; what it says holds `word`; out.safetensors is there or not. */
static void convert(const char *options, int good, const char *word)
{
    int status;
    char *said = output(&status, "convert '%s/in.safetensors' %s -o '%s/out.safetensors'", here, options, here);
    says(said, word);
    assert_int_equal(status, good ? 0 : 2);
    assert_int_equal(exists("out.safetensors"), good);
    const char *line = strchr(said, '\n');
    assert_true(good || (line && line[1] == '\0')); /* one line */
    free(said);
}

static void remove_output(void)
{
    char *path = text_format("%s/out.safetensors", here);
    unlink(path);
    free(path);
}

/* ---- names ---- */

static void known_spellings_are_read(void **state)
{
    static const struct {
        const char *net, *options, *from, *to, *word;
    } cases[] = {
        {"resnet20", "", "", "", "resnet20 with 7 classes (the only"},
        {"resnet20", "", "linear.", "fc.", "2 of them had other names"},
        {"resnet20", "", "", "module.", "resnet20"},
        {"resnet20", "", "", "model.net.module._orig_mod.", "resnet20"},
        {"wrn-40-2", "", "fc.", "classifier.", "wrn-40-2 with 7 classes"},
        {"densenet-100-12", "--net densenet-100-12", "fc.", "linear.", "densenet-100-12 with 7 classes, "},
        {"resnet18-32", "--net resnet18-32", "shortcut.", "downsample.", "resnet18-32 with 7 classes, "},
        {"resnet18-32", "--net resnet18-64", "fc.", "head.fc.", "resnet18-64"},
        {"resnet18-224", "", "downsample.", "shortcut.", "resnet18-224"},
        {"resnet50-224", "", "", "net.", "resnet50-224"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        given want = make(cases[i].net, 7), g = make(cases[i].net, 7);
        respell(&g, cases[i].from, cases[i].to);
        save(&g, "in.safetensors");
        convert(cases[i].options, 1, cases[i].word);
        assert_holds("out.safetensors", &want);
        remove_output();
        drop(&want);
        drop(&g);
    }
}

/* torchvision's published files: denselayer1.norm.1 where its code says denselayer1.norm1. */
static void densenets_of_torchvision_are_read(void **state)
{
    static const char *const words[] = {"norm", "conv"};
    given want = make("densenet-121", 7), g = make("densenet-121", 7);
    (void)state;
    for (int i = 0; i < 4; i++) {
        char *from = text_format(".%s%d.", words[i / 2], i % 2 + 1);
        char *to = text_format(".%s.%d.", words[i / 2], i % 2 + 1);
        respell(&g, from, to);
        free(from);
        free(to);
    }
    save(&g, "in.safetensors");
    convert("", 1, "densenet-121 with 7 classes (the only");
    assert_holds("out.safetensors", &want);
    remove_output();
    drop(&want);
    drop(&g);
}

/* Converted again, it stays what it is. */
static void conversion_is_idempotent(void **state)
{
    int status;
    given g = make("resnet20", 3);
    (void)state;
    save(&g, "in.safetensors");
    convert("", 1, "resnet20 with 3 classes");
    char *said = output(&status, "convert '%s/out.safetensors' -o '%s/new/again.safetensors'", here, here);
    assert_int_equal(status, 0);
    assert_holds("new/again.safetensors", &g);
    free(said);
    remove_output();
    drop(&g);
}

/* ---- what is refused ---- */

static void refuses(const char *name, const char *options, void (*spoil)(given *g), const char *word)
{
    given g = make(name, 10);
    if (spoil)
        spoil(&g);
    save(&g, "in.safetensors");
    convert(options, 0, word);
    drop(&g);
}

static void lose_last(given *g)
{
    free((char *)g->t[--g->n].name);
    free(g->values[g->n]);
}

static void widen_head(given *g)
{
    g->t[g->n - 2].dims[1] *= 2;
    g->t[g->n - 2].dims[0] /= 2;
}

static void add_to_names(given *g)
{
    rename_to(&g->t[3], text_copy("bn1.shift"));
}

static void spell_twice(given *g)
{
    rename_to(&g->t[3], text_copy("fc.bias"));
}

static void diverge(given *g)
{
    g->values[5][2] = NAN;
}

static void misfits_are_named(void **state)
{
    (void)state;
    refuses("resnet20", "", lose_last,
            "the nearest is resnet20 with 10 classes, which does not fit: missing: linear.bias [10]");
    refuses("resnet20", "", widen_head, "linear.weight is [5,128], [10,64] was expected");
    refuses("resnet20", "--net resnet20", add_to_names,
            "missing: bn1.running_mean [16]; left over: bn1.shift [16]");
    refuses("resnet20", "--net resnet20", spell_twice, "left over: fc.bias [16]");
    refuses("resnet20", "--net resnet32", NULL,
            "does not fit resnet32 with 10 classes: missing: layer1.3.conv1.weight");
    refuses("resnet18-32", "", NULL, "fits resnet18-32 and resnet18-64, which have the same tensors: say which");
    refuses("resnet20", "", diverge, "element 2 of layer1.0.conv1.weight is nan");
    refuses("resnet20", "--net resnet21", NULL, "there is no network called resnet21");
}

static void bad_words_are_named(void **state)
{
    static const char *const cases[][2] = {
        {"convert", "usage: oodbench convert"},
        {"convert x.pt", "where to?"},
        {"convert x.pt -o x.pt", "give it that ending"},
        {"convert x.pt y.pt -o x.safetensors", "found y.pt behind x.pt"},
        {"convert x.pt -o", "-o needs a value"},
        {"convert x.pt --new resnet20", "no option --new"},
        {"convert /nowhere.pt -o x.safetensors", "/nowhere.pt"},
        {"trace x.pt", "are needed"},
        {"trace x.pt /nowhere.npy -o x.safetensors", "/nowhere.npy"},
        {"trace x.pt x.npy z -o x.safetensors", "found z behind them"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        char *said = output(&status, "%s", cases[i][0]);
        says(said, cases[i][1]);
        assert_int_equal(status, 2);
        free(said);
    }
}

/* ---- traces ---- */

/* float32 [n,c,side,side] as NumPy writes it, from pseudo-random numbers. */
static void write_images(const char *file, int n, int c, int side, float *values)
{
    char *path = text_format("%s/%s", here, file), header[129];
    int64_t count = (int64_t)n * c * side * side;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* version 1; the header's 118 bytes follow */
    int used = 10 + snprintf(header + 10, sizeof header - 10,
                             "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }", n, c, side,
                             side);
    memset(header + used, ' ', (size_t)(127 - used));
    header[127] = '\n';
    fwrite(header, 1, 128, f);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)((i * 7919) % 1009) / 504.5F - 1;
    fwrite(values, sizeof *values, (size_t)count, f);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static void check_head(const char *file, const char *traced, const float *theirs, int n)
{
    enum { SIDE = 32, PIXELS = SIDE * SIDE };
    char *path = text_format("%s/%s", here, file), *out = text_format("%s/%s", here, traced);
    net *of;
    checkpoint *c;
    tested_kernels();
    assert_int_equal(device_open("ref", 0), 0);
    assert_int_equal(nn_build(&of, "resnet20", 10, 1), 0);
    if (nn_load(of, path) != 0 || checkpoint_open(&c, out) != 0)
        fail_msg("%s", fault_text());
    tx_open();
    real *x = pool_host((size_t)(n * PIXELS * 3) * sizeof *x);
    for (int i = 0; i < n * 3 * PIXELS; i++)
        x[(i / (3 * PIXELS) * PIXELS + i % PIXELS) * 3 + i / PIXELS % 3] = theirs[i];
    real *want = pool_host((size_t)(n * 10) * sizeof *want);
    tensor *images = tx_from(DIMS(n, SIDE, SIDE, 3), x);
    tx_read(nn_forward(of, images), want);
    const checkpoint_tensor *head = checkpoint_find(c, "head"), *map = checkpoint_find(c, "layer2.0.conv1");
    assert_true(head && map && head->count == n * 10);
    assert_memory_equal(map->dims, ((int64_t[]){n, 32, 16, 16}), 4 * sizeof(int64_t));
    assert_int_equal(checkpoint_count(c), 19 + 6); /* convolutions and stages */
    assert_true(fabs((double)(want[0] - want[1])) > 1e-2);
    float got[64];
    assert_int_equal(checkpoint_floats(c, head, got), 0);
    for (int i = 0; i < n * 10; i++)
        assert_float_equal(got[i], want[i], 1e-4);
    tx_close();
    free(x);
    free(want);
    checkpoint_close(c);
    nn_free(of);
    device_close();
    free(path);
    free(out);
}

static void traces_are_what_the_network_computes(void **state)
{
    static float values[2 * 3 * 32 * 32];
    int status;
    given g = make("resnet20", 10);
    (void)state;
    respell(&g, "linear.", "fc.");
    save(&g, "in.safetensors");
    write_images("x.npy", 2, 3, 32, values);
    char *said = output(&status, "trace '%s/in.safetensors' '%s/x.npy' -o '%s/t.safetensors'", here, here, here);
    says(said, "25 tensors of resnet20, 2 images");
    assert_int_equal(status, 0);
    free(said);
    check_head("in.safetensors", "t.safetensors", values, 2);
    write_images("gray.npy", 1, 1, 32, values);
    said = output(&status, "trace '%s/in.safetensors' '%s/gray.npy' -o '%s/u.safetensors'", here, here, here);
    says(said, "gray.npy holds float32 [1,1,32,32]: floats [n,3,side,side] were expected");
    free(said);
    write_images("small.npy", 1, 3, 16, values);
    said = output(&status, "trace '%s/in.safetensors' '%s/small.npy' -o '%s/u.safetensors'", here, here, here);
    says(said, "resnet20 takes images of 32 x 32");
    assert_false(exists("u.safetensors"));
    free(said);
    drop(&g);
}

static int begin(void **state)
{
    (void)state;
    return program_begin("convert");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_spellings_are_read), cmocka_unit_test(densenets_of_torchvision_are_read),
        cmocka_unit_test(conversion_is_idempotent), cmocka_unit_test(misfits_are_named),
        cmocka_unit_test(bad_words_are_named),      cmocka_unit_test(traces_are_what_the_network_computes),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
