/* models.c - the networks as tables of stages, with the parameter names of the
 * PyTorch originals. A new network is a row here, and a function where its
 * block is a new one. */
#include "fault.h"
#include "network.h"

#include <stdio.h>
#include <string.h>

typedef struct stage { /* `repeat` blocks of `width` channels, the first with `stride` */
    const char *name;
    int (*build)(net *n, int x, const struct stage *s);
    int64_t width;
    int repeat, stride;
} stage;

typedef struct label { /* a parameter's name in the making */
    char text[96];
} label;

/* "layer1" "0" "conv1" -> layer1.0.conv1 */
static label join(const char *stage_name, int block, const char *what)
{
    label l;
    snprintf(l.text, sizeof l.text, "%s.%d.%s", stage_name, block, what);
    return l;
}

static int conv(net *n, int x, label name, int64_t k, int window, int stride)
{
    return net_conv(n, x, name.text, k, window, stride, window / 2);
}

static int norm_relu(net *n, int x, label name)
{
    return net_relu(n, net_norm(n, x, name.text));
}

/* ---- ResNet (He et al. 2015): normalisation behind each convolution ---- */

static int stem(net *n, int x, const stage *s)
{
    return net_relu(n, net_norm(n, net_conv(n, x, "conv1", s->width, 3, s->stride, 1), "bn1"));
}

static int stem_large(net *n, int x, const stage *s)
{
    x = net_relu(n, net_norm(n, net_conv(n, x, "conv1", s->width, 7, s->stride, 3), "bn1"));
    return net_pool_max(n, x, 3, 2, 1);
}

/* What a block adds to its input: `width` channels by 3x3 convolutions. */
static int residual_basic(net *n, int x, const stage *s, int block, int stride)
{
    x = conv(n, x, join(s->name, block, "conv1"), s->width, 3, stride);
    x = norm_relu(n, x, join(s->name, block, "bn1"));
    x = conv(n, x, join(s->name, block, "conv2"), s->width, 3, 1);
    return net_norm(n, x, join(s->name, block, "bn2").text);
}

/* Four times as many by a 3x3 convolution between 1x1 ones. The stride is the
 * 3x3 one's, as torchvision has it ("v1.5"); the paper's is the first one's. */
static int residual_bottleneck(net *n, int x, const stage *s, int block, int stride)
{
    x = conv(n, x, join(s->name, block, "conv1"), s->width, 1, 1);
    x = norm_relu(n, x, join(s->name, block, "bn1"));
    x = conv(n, x, join(s->name, block, "conv2"), s->width, 3, stride);
    x = norm_relu(n, x, join(s->name, block, "bn2"));
    x = conv(n, x, join(s->name, block, "conv3"), 4 * s->width, 1, 1);
    return net_norm(n, x, join(s->name, block, "bn3").text);
}

/* Shortcuts without parameters: every second pixel, zeros for new channels (option A). */
static int basic_widened(net *n, int x, const stage *s)
{
    for (int i = 0; i < s->repeat; i++) {
        int stride = i == 0 ? s->stride : 1;
        int y = residual_basic(n, x, s, i, stride);
        bool same = stride == 1 && net_out(n, x).k == s->width;
        x = net_relu(n, net_plus(n, y, same ? x : net_widen(n, x, s->width, stride)));
    }
    return x;
}

typedef int residual(net *n, int x, const stage *s, int block, int stride);

/* Shortcuts by a 1x1 convolution where extents change (option B). */
static int projected(net *n, int x, const stage *s, residual *add, const char *shortcut)
{
    char what[32];
    for (int i = 0; i < s->repeat; i++) {
        int stride = i == 0 ? s->stride : 1, short_x = x;
        int y = add(n, x, s, i, stride);
        if (stride != 1 || net_out(n, x).k != net_out(n, y).k) {
            snprintf(what, sizeof what, "%s.0", shortcut);
            short_x = conv(n, x, join(s->name, i, what), net_out(n, y).k, 1, stride);
            snprintf(what, sizeof what, "%s.1", shortcut);
            short_x = net_norm(n, short_x, join(s->name, i, what).text);
        }
        x = net_relu(n, net_plus(n, y, short_x));
    }
    return x;
}

static int basic_shortcut(net *n, int x, const stage *s)
{
    return projected(n, x, s, residual_basic, "shortcut");
}

static int basic_downsample(net *n, int x, const stage *s)
{
    return projected(n, x, s, residual_basic, "downsample");
}

static int bottleneck(net *n, int x, const stage *s)
{
    return projected(n, x, s, residual_bottleneck, "downsample");
}

static int pool(net *n, int x, const stage *s)
{
    (void)s;
    return net_pool_avg(n, x, (int)net_out(n, x).p);
}

/* ---- normalisation before each convolution: Wide ResNet, DenseNet ---- */

static int stem_bare(net *n, int x, const stage *s)
{
    return net_conv(n, x, "conv1", s->width, 3, s->stride, 1);
}

/* Zagoruyko and Komodakis 2016. Where widths change, the shortcut starts behind bn1 and relu. */
static int wide(net *n, int x, const stage *s)
{
    for (int i = 0; i < s->repeat; i++) {
        char at[32];
        int stride = i == 0 ? s->stride : 1;
        snprintf(at, sizeof at, "%s.layer", s->name);
        bool equal = net_out(n, x).k == s->width;
        int first = norm_relu(n, x, join(at, i, "bn1"));
        int y = conv(n, first, join(at, i, "conv1"), s->width, 3, stride);
        y = norm_relu(n, y, join(at, i, "bn2"));
        y = conv(n, y, join(at, i, "conv2"), s->width, 3, 1);
        x = net_plus(n, y, equal ? x : conv(n, first, join(at, i, "convShortcut"), s->width, 1, stride));
    }
    return x;
}

/* Huang et al. 2017, DenseNet-BC: what a layer finds out is joined to what it was
 * given; `growth` channels, by way of four times as many. */
static int dense_layer(net *n, int x, int64_t growth, label at, const char *norm)
{
    label name;
    int y = x;
    for (int i = 1; i <= 2; i++) {
        snprintf(name.text, sizeof name.text, "%.64s.%s%d", at.text, norm, i);
        y = norm_relu(n, y, name);
        snprintf(name.text, sizeof name.text, "%.64s.conv%d", at.text, i);
        y = conv(n, y, name, i == 1 ? 4 * growth : growth, i == 1 ? 1 : 3, 1);
    }
    return net_join(n, x, y);
}

/* Between blocks: halves the channels and the sides. */
static int halve(net *n, int x, const char *norm, const char *conv)
{
    x = net_relu(n, net_norm(n, x, norm));
    return net_pool_avg(n, net_conv(n, x, conv, net_out(n, x).k / 2, 1, 1, 0), 2);
}

static label dense_at(const char *stage_name, int i)
{
    label l;
    snprintf(l.text, sizeof l.text, "%s.layer.%d", stage_name, i);
    return l;
}

/* `width` is the growth. */
static int dense(net *n, int x, const stage *s)
{
    for (int i = 0; i < s->repeat; i++)
        x = dense_layer(n, x, s->width, dense_at(s->name, i), "bn");
    return x;
}

static int transition(net *n, int x, const stage *s)
{
    char norm[64], conv[64];
    snprintf(norm, sizeof norm, "%s.bn1", s->name);
    snprintf(conv, sizeof conv, "%s.conv1", s->name);
    return halve(n, x, norm, conv);
}

static int norm_pool(net *n, int x, const stage *s)
{
    return pool(n, net_relu(n, net_norm(n, x, "bn1")), s);
}

/* The same for large images, as torchvision names it: */
static int stem_features(net *n, int x, const stage *s)
{
    x = net_conv(n, x, "features.conv0", s->width, 7, s->stride, 3);
    return net_pool_max(n, net_relu(n, net_norm(n, x, "features.norm0")), 3, 2, 1);
}

static int dense_features(net *n, int x, const stage *s)
{
    label at;
    for (int i = 0; i < s->repeat; i++) {
        snprintf(at.text, sizeof at.text, "features.%s.denselayer%d", s->name, i + 1);
        x = dense_layer(n, x, s->width, at, "norm");
    }
    return x;
}

static int transition_features(net *n, int x, const stage *s)
{
    char norm[64], conv[64];
    snprintf(norm, sizeof norm, "features.%s.norm", s->name);
    snprintf(conv, sizeof conv, "features.%s.conv", s->name);
    return halve(n, x, norm, conv);
}

static int norm_pool_features(net *n, int x, const stage *s)
{
    return pool(n, net_relu(n, net_norm(n, x, "features.norm5")), s);
}

/* ---- the table ---- */

/* clang-format off */
#define RESNET_CIFAR(title, blocks)                                      \
    {title, 32, "linear", {{"stem", stem, 16, 1, 1},                      \
                           {"layer1", basic_widened, 16, blocks, 1},      \
                           {"layer2", basic_widened, 32, blocks, 2},      \
                           {"layer3", basic_widened, 64, blocks, 2},      \
                           {"pool", pool, 0, 1, 1}}}
#define RESNET_SMALL(title, side)                                        \
    {title, side, "fc", {{"stem", stem, 64, 1, 1},                        \
                         {"layer1", basic_shortcut, 64, 2, 1},            \
                         {"layer2", basic_shortcut, 128, 2, 2},           \
                         {"layer3", basic_shortcut, 256, 2, 2},           \
                         {"layer4", basic_shortcut, 512, 2, 2},           \
                         {"pool", pool, 0, 1, 1}}}
#define RESNET_LARGE(title, block, a, b, c, d)                           \
    {title, 224, "fc", {{"stem", stem_large, 64, 1, 2},                   \
                        {"layer1", block, 64, a, 1},                      \
                        {"layer2", block, 128, b, 2},                     \
                        {"layer3", block, 256, c, 2},                     \
                        {"layer4", block, 512, d, 2},                     \
                        {"pool", pool, 0, 1, 1}}}
#define WIDE_RESNET(title, blocks, factor)                               \
    {title, 32, "fc", {{"stem", stem_bare, 16, 1, 1},                     \
                       {"block1", wide, 16 * (factor), blocks, 1},        \
                       {"block2", wide, 32 * (factor), blocks, 2},        \
                       {"block3", wide, 64 * (factor), blocks, 2},        \
                       {"pool", norm_pool, 0, 1, 1}}}
/* clang-format on */

static const struct model {
    const char *name;
    int64_t side;
    const char *head;
    stage stages[NET_STAGES];
} models[] = {
    /* as akamaster/pytorch_resnet_cifar10 names them */
    RESNET_CIFAR("resnet20", 3),
    RESNET_CIFAR("resnet32", 5),
    RESNET_CIFAR("resnet44", 7),
    RESNET_CIFAR("resnet56", 9),
    /* OpenOOD's ResNet18_32x32 and ResNet18_64x64 */
    RESNET_SMALL("resnet18-32", 32),
    RESNET_SMALL("resnet18-64", 64),
    /* torchvision's resnet18, resnet34 and resnet50; the first and the last are OpenOOD's, too */
    RESNET_LARGE("resnet18-224", basic_downsample, 2, 2, 2, 2),
    RESNET_LARGE("resnet34-224", basic_downsample, 3, 4, 6, 3),
    RESNET_LARGE("resnet50-224", bottleneck, 3, 4, 6, 3),
    /* xternalz/WideResNet-pytorch, and with it OpenOOD and the Outlier Exposure code */
    WIDE_RESNET("wrn-40-2", 6, 2),
    WIDE_RESNET("wrn-28-10", 4, 10),
    /* andreasveit/densenet-pytorch, OpenOOD's DenseNet3 */
    {"densenet-100-12",
     32,
     "fc",
     {{"stem", stem_bare, 24, 1, 1},
      {"block1", dense, 12, 16, 1},
      {"trans1", transition, 0, 1, 2},
      {"block2", dense, 12, 16, 1},
      {"trans2", transition, 0, 1, 2},
      {"block3", dense, 12, 16, 1},
      {"pool", norm_pool, 0, 1, 1}}},
    /* torchvision's densenet121 */
    {"densenet-121",
     224,
     "classifier",
     {{"stem", stem_features, 64, 1, 2},
      {"denseblock1", dense_features, 32, 6, 1},
      {"transition1", transition_features, 0, 1, 2},
      {"denseblock2", dense_features, 32, 12, 1},
      {"transition2", transition_features, 0, 1, 2},
      {"denseblock3", dense_features, 32, 24, 1},
      {"transition3", transition_features, 0, 1, 2},
      {"denseblock4", dense_features, 32, 16, 1},
      {"pool", norm_pool_features, 0, 1, 1}}},
};
enum { MODELS = sizeof models / sizeof models[0] };

const char *nn_known(int i)
{
    return i >= 0 && i < MODELS ? models[i].name : NULL;
}

static void build(net *n, const struct model *m)
{
    int x = -1;
    n->name = m->name;
    n->side = n->side ? n->side : m->side;
    for (const stage *s = m->stages; s->name; s++) {
        net_begin(n, s->name);
        x = s->build(n, x, s);
    }
    n->features = net_out(n, x).k;
    net_head(n, m->head);
}

int model_layers(net *n, const char *name)
{
    char all[512] = "";
    for (int i = 0; i < MODELS; i++) {
        if (strcmp(models[i].name, name) == 0) {
            build(n, &models[i]);
            return 0;
        }
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, " %s", models[i].name);
    }
    return fault("there is no network called %s; the known ones are%s", name, all);
}
