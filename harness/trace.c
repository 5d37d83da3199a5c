/* trace.c - `oodbench trace`: what every convolution and every stage of a network
 * makes of given images, to be held against the network it was converted from. */
#include "checkpoint.h"
#include "commands.h"
#include "engine.h"
#include "fault.h"
#include "network.h"
#include "text.h"

#include "../datasets/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: oodbench trace CHECKPOINT IMAGES.npy [--net NAME] [--device NAME]\n"
    "                      -o FILE.safetensors\n"
    "Computes a network in evaluation on images [n,3,side,side], normalised already,\n"
    "and writes what comes out of each convolution, by its name in the checkpoint's\n"
    "original (`layer1.0.conv1`), and of each stage (`stem`, `layer1`, ... `pool`,\n"
    "`head`), in PyTorch's order of extents: to compare with what forward hooks\n"
    "record there.\n"
    "\n"
    "  --net NAME              the network; without it, the one that fits tensors\n"
    "                          and images\n"
    "  --device NAME           default: cpu; `oodbench devices` lists them\n"
    "  -o, --output FILE       what to write\n"
    "\n"
    "  x = torch.randn(2, 3, 224, 224); numpy.save(\"x.npy\", x.numpy())  # in Python\n"
    "  oodbench trace resnet50.pth x.npy -o trace.safetensors\n"
    "  t = safetensors.torch.load_file(\"trace.safetensors\")  # t[\"layer4\"], t[\"head\"]\n";

typedef struct request {
    const char *from, *images, *to, *net, *device;
} request;

static int help(FILE *to)
{
    fputs(usage, to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int take_option(request *r, int argc, char **argv, int *i)
{
    const struct {
        const char *word;
        const char **into;
    } options[] = {{"--net", &r->net}, {"--device", &r->device}, {"-o", &r->to}, {"--output", &r->to}};
    for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
        if (strcmp(argv[*i], options[k].word) != 0)
            continue;
        if (++*i == argc)
            return fault("trace: %s needs a value", options[k].word);
        *options[k].into = argv[*i];
        return 0;
    }
    return fault("trace knows no option %s: `oodbench trace --help` lists them", argv[*i]);
}

static int read_arguments(request *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (take_option(r, argc, argv, &i) != 0)
                return -1;
        } else if (r->images) {
            return fault("trace takes one checkpoint and one file of images: found %s behind them", argv[i]);
        } else {
            *(r->from ? &r->images : &r->from) = argv[i];
        }
    }
    return r->images && r->to
               ? 0
               : fault("trace: a checkpoint, images and a file to write are needed: `oodbench trace CHECKPOINT "
                       "IMAGES.npy -o FILE.safetensors`");
}

/* ---- what is kept ---- */

typedef struct record {
    checkpoint_tensor *t;
    float **values;
    int64_t n;
    const net *of;
    int part; /* behind the last convolution that was met */
} record;

/* [n,h,w,c] as [n,c,h,w]; matrices stay. */
static void turn(const real *from, float *to, dims d)
{
    int64_t pixels = d.n == 4 ? d.d[1] * d.d[2] : 1, c = d.d[d.n - 1];
    for (int64_t n = 0; n < d.d[0]; n++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t p = 0; p < pixels; p++)
                *to++ = (float)from[(n * pixels + p) * c + k];
}

static void add(record *r, const char *name, const tensor *x)
{
    dims d = tx_dims(x);
    r->t = text_more(r->t, (size_t)(r->n + 1) * sizeof *r->t);
    r->values = text_more(r->values, (size_t)(r->n + 1) * sizeof *r->values);
    checkpoint_tensor *t = &r->t[r->n];
    *t = (checkpoint_tensor){.name = text_copy(name), .ndims = d.n, .count = tx_rows(x) * tx_cols(x)};
    t->dims[0] = d.d[0];
    t->dims[1] = d.d[d.n - 1];
    for (int i = 2; i < d.n; i++)
        t->dims[i] = d.d[i - 1];
    real *host = pool_host((size_t)t->count * sizeof *host);
    float *values = text_more(NULL, (size_t)t->count * sizeof *values);
    tx_read(x, host);
    turn(host, values, d);
    free(host);
    r->values[r->n++] = values;
}

static void see(void *to, tensor *map)
{
    record *r = to;
    while (r->of->parts[r->part].kind != PART_FILTER)
        r->part++;
    const char *name = r->of->parts[r->part++].name;
    char *plain = text_format("%.*s", (int)(strrchr(name, '.') - name), name);
    add(r, plain, map);
    free(plain);
}

static void free_record(record *r)
{
    for (int64_t i = 0; i < r->n; i++) {
        free((char *)r->t[i].name);
        free(r->values[i]);
    }
    free(r->t);
    free(r->values);
}

/* Stages as the program runs them when it scores, convolutions layer by layer. */
static void trace(record *r, net *n, tensor *x)
{
    r->of = n;
    int recording = ad_record(0);
    nn_watch(n, x, see, r);
    for (int s = 0; s < nn_stages(n); s++) {
        x = nn_run(n, x, s, s + 1);
        add(r, n->stages[s].name, x);
    }
    ad_record(recording);
}

/* ---- what is given ---- */

/* Images as [n,h,w,3]. */
static tensor *read_images(const npy *a)
{
    int64_t n = a->shape[0], pixels = a->shape[2] * a->shape[3], count = n * 3 * pixels;
    float *theirs = text_more(NULL, (size_t)count * sizeof *theirs);
    real *ours = pool_host((size_t)count * sizeof *ours);
    npy_floats(a->type, a->data, count, theirs);
    for (int64_t i = 0; i < count; i++)
        ours[(i / (3 * pixels) * pixels + i % pixels) * 3 + i / pixels % 3] = theirs[i];
    tensor *x = tx_from(DIMS(n, a->shape[2], a->shape[3], 3), ours);
    free(theirs);
    free(ours);
    return x;
}

static int check_images(const npy *a)
{
    if (a->dims == 4 && a->shape[0] > 0 && a->shape[1] == 3 && a->shape[2] == a->shape[3] && a->shape[2] > 0 &&
        npy_is_real(a->type))
        return 0;
    text shape = {0};
    for (int i = 0; i < a->dims; i++)
        text_add(&shape, i ? ",%lld" : "%lld", (long long)a->shape[i]);
    int rc = fault("%s holds %s [%s]: floats [n,3,side,side] were expected, normalised as in training", a->path,
                   npy_type_name(a->type), text_str(&shape));
    text_free(&shape);
    return rc;
}

typedef struct subject {
    const char *name;
    int64_t classes;
} subject;

/* Of the checkpoint and the images' side; no device is needed to find out. */
static int recognise(subject *s, const request *r, int64_t side)
{
    checkpoint *c;
    net *n;
    if (checkpoint_open(&c, r->from) != 0)
        return -1;
    int rc = net_recognise(&n, c, r->from, r->net, side);
    checkpoint_close(c);
    if (rc != 0)
        return -1;
    *s = (subject){nn_name(n), nn_classes(n)};
    if (nn_side(n) != side)
        rc = fault("%s takes images of %lld x %lld: %s holds %lld x %lld", nn_name(n), (long long)nn_side(n),
                   (long long)nn_side(n), r->images, (long long)side, (long long)side);
    nn_free(n);
    return rc;
}

static int compute(record *out, const request *r, const subject *s, const npy *images)
{
    net *n = NULL;
    if (device_open(r->device ? r->device : "cpu", 0) != 0)
        return -1;
    int rc = nn_read(&n, s->name, s->classes, r->from);
    if (rc == 0) {
        tx_open();
        trace(out, n, read_images(images));
        tx_close();
    }
    nn_free(n);
    device_close();
    out->of = NULL;
    return rc;
}

static int trace_to_file(const request *r, const npy *images)
{
    subject s;
    record out = {0};
    if (check_images(images) != 0 || recognise(&s, r, images->shape[2]) != 0)
        return -1;
    int rc = compute(&out, r, &s, images);
    if (rc == 0)
        rc = checkpoint_save(r->to, out.t, (const float *const *)out.values, out.n,
                             (const char *const[]){"net", s.name, NULL});
    if (rc == 0)
        printf("%s: %lld tensors of %s, %lld images\n", r->to, (long long)out.n, s.name,
               (long long)images->shape[0]);
    free_record(&out);
    return rc;
}

int trace_main(int argc, char **argv)
{
    request r = {0};
    npy images = {0};
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help(stdout);
    if (read_arguments(&r, argc, argv) != 0 || npy_open(&images, r.images) != 0)
        return -1;
    int rc = trace_to_file(&r, &images);
    npy_close(&images);
    return rc;
}
