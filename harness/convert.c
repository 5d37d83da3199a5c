/* convert.c - `oodbench convert`: a checkpoint of PyTorch, whoever wrote it, as
 * .safetensors under the names this program saves by. Needs no device. */
#include "checkpoint.h"
#include "commands.h"
#include "fault.h"
#include "file.h"
#include "network.h"
#include "text.h"
#include "wrap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: oodbench convert CHECKPOINT [--net NAME] -o FILE.safetensors\n"
                            "Reads what torch.save() wrote (.pt .pth .th .ckpt, without executing anything\n"
                            "in it) or .safetensors, and writes a network's weights and statistics as\n"
                            ".safetensors in float32, under the names of its original.\n"
                            "\n"
                            "  --net NAME              the network; without it, the one whose tensors these\n"
                            "                          are\n"
                            "  -o, --output FILE       what to write\n"
                            "\n"
                            "A state dict may lie under `state_dict`, `model`, `net` or `model_state_dict`;\n"
                            "prefixes that all names have (`module.`, `model.`, `net.` ...), the head's name\n"
                            "(fc, linear, classifier, head) and both of torchvision's spellings of DenseNets\n"
                            "are known. `run` reads all this by itself; a converted file loads faster, says\n"
                            "in its metadata what it is, and can be read without PyTorch. Networks:\n  ";

typedef struct request {
    const char *from, *to, *net;
} request;

static int help(FILE *to)
{
    fputs(usage, to);
    text names = {0};
    for (int i = 0; nn_known(i); i++)
        text_add(&names, "%s%s", i ? " " : "", nn_known(i));
    wrap_words(to, WRAP_HELP, 2, text_str(&names));
    text_free(&names);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int read_arguments(request *r, int argc, char **argv)
{
    const struct {
        const char *word;
        const char **into;
    } options[] = {{"--net", &r->net}, {"-o", &r->to}, {"--output", &r->to}};
    for (int i = 1; i < argc; i++) {
        const char **into = argv[i][0] == '-' ? NULL : &r->from;
        for (size_t k = 0; k < sizeof options / sizeof options[0] && argv[i][0] == '-'; k++)
            into = strcmp(argv[i], options[k].word) == 0 ? options[k].into : into;
        if (!into)
            return fault("convert knows no option %s: `oodbench convert --help` lists them", argv[i]);
        if (into == &r->from && r->from)
            return fault("convert takes one checkpoint: found %s behind %s", argv[i], r->from);
        if (into != &r->from && ++i == argc)
            return fault("convert: %s needs a value", argv[i - 1]);
        *into = argv[i];
    }
    if (!r->from)
        return fault("convert: which checkpoint? `oodbench convert CHECKPOINT -o FILE.safetensors`");
    if (!r->to)
        return fault("convert: where to? `oodbench convert %s -o FILE.safetensors`", r->from);
    const char *end = strrchr(r->to, '.');
    return end && strcmp(end, ".safetensors") == 0
               ? 0
               : fault("convert: %s is written as .safetensors: give it that ending", r->to);
}

/* A training that diverged is found out here and not in a table of results. */
static int check_finite(const char *path, const checkpoint_tensor *t, const float *values)
{
    for (int64_t i = 0; i < t->count; i++)
        if (!isfinite(values[i]))
            return fault("%s: element %lld of %s is %g: the training diverged, or the file is damaged", path,
                         (long long)i, t->name, (double)values[i]);
    return 0;
}

static int write_parts(const request *r, const net *n, const checkpoint *c, const checkpoint_tensor *const of[],
                       const char *const metadata[])
{
    size_t count = (size_t)n->nparts;
    checkpoint_tensor *t = text_more(NULL, count * sizeof *t);
    const float **values = text_more(NULL, count * sizeof *values);
    float *floats = text_more(NULL, (size_t)(n->nweights + n->nstats) * sizeof *floats), *next = floats;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        net_torch_dims(&n->parts[i], &t[i]);
        values[i] = next;
        rc = checkpoint_floats(c, of[i], next);
        if (rc == 0)
            rc = check_finite(r->from, of[i], next);
        next += t[i].count;
    }
    if (rc == 0)
        rc = checkpoint_save(r->to, t, values, (int64_t)count, metadata);
    free(floats);
    free(values);
    free(t);
    return rc;
}

/* Tensors whose name the checkpoint spells otherwise. */
static int renamed(const net *n, const checkpoint_tensor *const of[])
{
    int count = 0;
    for (int i = 0; i < n->nparts; i++)
        count += strcmp(n->parts[i].name, of[i]->name) != 0;
    return count;
}

static void say(const request *r, const net *n, int others)
{
    printf("%s: %s with %lld classes%s, %d tensors, %lld parameters\n", r->to, n->name, (long long)n->classes,
           r->net ? "" : " (the only network these tensors fit)", n->nparts, (long long)n->nweights);
    if (others)
        printf("%d of them had other names in %s\n", others, r->from);
}

static int convert(const request *r, const net *n, const checkpoint *c)
{
    char digest[FILE_DIGEST], classes[32];
    const char *slash = strrchr(r->from, '/');
    text why = {0};
    const checkpoint_tensor **of = text_more(NULL, (size_t)n->nparts * sizeof *of);
    int rc = net_match(n, c, of, &why) == 0 ? file_digest(digest, r->from) : net_misfit(n, r->from, text_str(&why));
    snprintf(classes, sizeof classes, "%lld", (long long)n->classes);
    const char *const metadata[] = {"net",    nn_name(n),       "classes",
                                    classes,  "converted_from", slash ? slash + 1 : r->from,
                                    "sha256", digest,           NULL};
    if (rc == 0)
        rc = write_parts(r, n, c, of, metadata);
    if (rc == 0)
        say(r, n, renamed(n, of));
    free(of);
    text_free(&why);
    return rc;
}

int convert_main(int argc, char **argv)
{
    request r = {0};
    checkpoint *c;
    net *n;
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help(stdout);
    if (read_arguments(&r, argc, argv) != 0 || checkpoint_open(&c, r.from) != 0)
        return -1;
    int rc = net_recognise(&n, c, r.from, r.net, 0);
    if (rc == 0)
        rc = convert(&r, n, c);
    nn_free(n);
    checkpoint_close(c);
    return rc;
}
