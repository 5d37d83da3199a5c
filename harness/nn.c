/* nn.c - runs ranges of a network's stages: as one plan of the backend where
 * it has one, else layer by layer with public operations. The composed way
 * serves every order of derivative, the plans serve evaluation without
 * gradients and first-order training. */
#include "engine.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

static const double momentum = 0.1; /* of running statistics, PyTorch's default */
enum { PLANS = 8 };                 /* kept open; those a recorded step still needs are not counted out */

typedef struct range { /* of stages, as a call of nn_run asks for it */
    net *n;
    int from, to; /* without the head */
    enum nn_mode mode;
} range;

typedef struct net_plan {  /* the backend's answer; plan is NULL where it had none */
    struct net_plan *next; /* latest use first */
    int from, to, steps;   /* steps: recorded ones that will call plan_grad */
    int64_t images;
    unsigned flags;
    bk_plan *plan;
} net_plan;

static const net_stage *first_stage(const range *r)
{
    return &r->n->stages[r->from];
}

/* The stage behind the range. */
static const net_stage *next_stage(const range *r)
{
    return &r->n->stages[r->to];
}

static bool is_parameter(const net_part *p)
{
    return p->kind != PART_MEAN && p->kind != PART_VARIANCE;
}

/* ---- layer by layer ---- */

typedef struct composition {
    const range *r;
    tensor *const *parameters; /* of the range, in order; taken one by one */
    tensor *batch;             /* receives batch statistics; NULL: nobody asks */
    int part;                  /* number of the layer's first part */
    tensor **y;                /* of each layer of the range */
    bool discard;              /* nothing is recorded: what is used up can go */
} composition;

static tensor *eval_norm(const bk_layer *l, tensor *x, tensor *gamma, tensor *beta, tensor *mean, tensor *var)
{
    tensor *scale = tx_div(gamma, tx_sqrt(tx_affine(var, 1, (double)l->eps)));
    return tx_add(tx_mul(x, scale), tx_sub(beta, tx_mul(mean, scale)));
}

static tensor *norm(composition *c, const bk_layer *l, tensor *x)
{
    const net_part *p = &c->r->n->parts[c->part];
    tensor *gamma = *c->parameters++, *beta = *c->parameters++, *mean, *var;
    if (c->r->mode == NN_EVAL)
        return eval_norm(l, x, gamma, beta, p[2].view, p[3].view);
    tensor *y = tx_batchnorm(x, gamma, beta, (double)l->eps, &mean, &var);
    if (c->batch) {
        int64_t at = l->stat - first_stage(c->r)->stat;
        tx_assign(tx_view(c->batch, at, p[2].d), mean);
        tx_assign(tx_view(c->batch, at + p[2].count, p[3].d), var);
    }
    return y;
}

/* Zeros for channels that the input lacks, half of them in front. */
static tensor *widen(const bk_layer *l, tensor *x)
{
    if (l->g.stride > 1)
        x = tx_avgpool(x, 1, l->g.stride, 0);
    return l->g.k > l->g.c ? tx_embed_cols(x, (l->g.k - l->g.c) / 2, l->g.k) : x;
}

static tensor *apply(composition *c, const bk_layer *l, tensor *a, tensor *b)
{
    switch (l->kind) {
    case BK_CONV:
        return tx_conv(a, *c->parameters++, l->g.stride, l->g.pad);
    case BK_NORM:
        return norm(c, l, a);
    case BK_RELU:
        return tx_relu(a);
    case BK_PLUS:
        return tx_add(a, b);
    case BK_JOIN:
        return tx_concat_cols(a, b);
    case BK_POOL_MAX:
        return tx_maxpool(a, l->g.r, l->g.stride, l->g.pad);
    case BK_POOL_AVG:
        return tx_avgpool(a, l->g.r, l->g.stride, l->g.pad);
    case BK_WIDEN:
        return widen(l, a);
    }
    tx_die("nn_run", "a layer of unknown kind %d", (int)l->kind);
}

/* Drops what no layer behind number i reads any more. */
static void discard(composition *c, int i, int first, int last)
{
    const bk_layer *layers = c->r->n->layers;
    for (int side = 0; side < 2; side++) {
        int in = side ? layers[i].b : layers[i].a;
        if (in < first || !c->y[in - first])
            continue;
        bool read = false;
        for (int j = i + 1; j < last && !read; j++)
            read = layers[j].a == in || layers[j].b == in;
        if (read)
            continue;
        tx_drop(c->y[in - first]);
        c->y[in - first] = NULL;
    }
}

/* in: the range's input, then its parameters. */
static tensor *compose(const range *r, tensor *const in[], tensor *batch, bool unrecorded)
{
    net *n = r->n;
    int first = first_stage(r)->layer, last = next_stage(r)->layer;
    composition c = {r, in + 1, batch, first_stage(r)->part, NULL, unrecorded};
    c.y = pool_host((size_t)(last - first) * sizeof *c.y);
    for (int i = first; i < last; i++) {
        const bk_layer *l = &n->layers[i];
        tensor *a = l->a < first ? in[0] : c.y[l->a - first], *b = l->b < first ? in[0] : c.y[l->b - first];
        if (c.discard)
            tx_open();
        tensor *y = apply(&c, l, a, b);
        if (c.discard) {
            tx_keep(y);
            tx_close();
        }
        c.y[i - first] = y;
        while (c.part < n->nparts && n->parts[c.part].layer == i)
            c.part++;
        if (c.discard)
            discard(&c, i, first, last);
    }
    tensor *y = c.y[last - 1 - first];
    free(c.y);
    return y;
}

/* ---- as a plan ---- */

static void drop_plan(net_plan *p)
{
    if (p->plan)
        engine.api->plan_close(engine.b, p->plan);
    free(p);
}

void net_drop_plans(net *n)
{
    while (n->plans) {
        net_plan *p = n->plans;
        n->plans = p->next;
        if (p->steps)
            tx_die("nn_free", "%s is still needed by a recorded step", n->name);
        drop_plan(p);
    }
}

/* The layers of a range, numbered from its first, offsets from its own slices. */
static bk_plan *open_plan(const range *r, int64_t images, unsigned flags)
{
    const net_stage *s = first_stage(r);
    int count = next_stage(r)->layer - s->layer;
    bk_layer *layers = pool_host((size_t)count * sizeof *layers);
    for (int i = 0; i < count; i++) {
        bk_layer *l = &layers[i];
        *l = r->n->layers[s->layer + i];
        l->a = l->a < s->layer ? -1 : l->a - s->layer;
        l->b = l->b < s->layer ? -1 : l->b - s->layer;
        l->weight -= l->weight < 0 ? 0 : s->weight;
        l->bias -= l->bias < 0 ? 0 : s->weight;
        l->stat -= l->stat < 0 ? 0 : s->stat;
    }
    bk_plan *p = engine.api->plan_open(engine.b, layers, count, images, flags);
    free(layers);
    return p;
}

/* Closes the plan that was not used for longest, when there are many. */
static void make_room(net *n)
{
    net_plan **oldest = NULL;
    int count = 0;
    for (net_plan **p = &n->plans; *p; p = &(*p)->next, count++)
        if (!(*p)->steps)
            oldest = p;
    if (count < PLANS || !oldest)
        return;
    net_plan *old = *oldest;
    *oldest = old->next;
    drop_plan(old);
}

static net_plan *find_plan(const range *r, int64_t images)
{
    net *n = r->n;
    unsigned flags = r->mode == NN_EVAL ? (n->bf16 ? BK_BF16 : 0) : BK_TRAIN;
    net_plan **at = &n->plans, *p;
    while (*at &&
           ((*at)->from != r->from || (*at)->to != r->to || (*at)->images != images || (*at)->flags != flags))
        at = &(*at)->next;
    if (*at) {
        p = *at;
        *at = p->next;
    } else {
        make_room(n);
        p = pool_host(sizeof *p);
        *p = (net_plan){.from = r->from, .to = r->to, .images = images, .flags = flags};
        p->plan = open_plan(r, images, flags);
    }
    p->next = n->plans;
    n->plans = p;
    return p;
}

typedef struct plan_step { /* what a recorded plan keeps until its gradient */
    range r;
    net_plan *plan;
} plan_step;

static tensor *compose_again(tensor *const in[], void *data)
{
    const plan_step *s = data;
    return compose(&s->r, in, NULL, false);
}

/* One gradient for the range's slice of the parameters, given as views of it. */
static void plan_vjp(step *s)
{
    const plan_step *k = s->n->data;
    const net *n = k->r.n;
    const net_stage *first = first_stage(&k->r), *next = next_stage(&k->r);
    if (s->create) {
        ad_replay(s, compose_again, s->n->data);
        return;
    }
    tensor *x = ad_input(s, 0), *kept = s->n->saved[0];
    tensor *dx = ad_needs(s, 0) ? tx_new(tx_dims(x)) : NULL;
    tensor *dw = tx_new(DIMS(next->weight - first->weight));
    engine.api->plan_grad(engine.b, k->plan->plan, dx ? tx_data(dx) : NULL, tx_data(dw), tx_data(s->g),
                          kept->mem->at, tx_data(x), tx_data(n->weights) + first->weight);
    if (dx)
        ad_give(s, 0, dx);
    for (int i = 0, p = first->part; p < next->part; p++)
        if (is_parameter(&n->parts[p]))
            ad_give(s, ++i, tx_view(dw, n->parts[p].offset - first->weight, n->parts[p].d));
}

static void plan_forget(node *n)
{
    plan_step *k = n->data;
    if (k)
        k->plan->steps--;
    free(k);
}

static const rule plan_rule = {"nn_run", plan_vjp, plan_forget};

/* Weights and statistics only ever change by writes that are counted. */
static uint64_t version(const net *n)
{
    return (uint64_t)n->weights->mem->version << 32 | n->stats->mem->version;
}

static tensor *run_plan(const range *r, net_plan *p, int count, tensor *const in[], tensor *batch)
{
    const net *n = r->n;
    const net_stage *s = first_stage(r);
    const bk_window *g = &n->layers[next_stage(r)->layer - 1].g;
    bool train = r->mode != NN_EVAL;
    tensor *y = tx_new(DIMS(p->images, g->p, g->q, g->k));
    tensor *kept = train ? tx_bytes(engine.api->plan_bytes(engine.b, p->plan)) : NULL;
    real *stats = train ? tx_data(batch) : tx_data(n->stats) + s->stat;
    engine.api->plan_run(engine.b, p->plan, tx_data(y), kept ? kept->mem->at : NULL, tx_data(in[0]),
                         tx_data(n->weights) + s->weight, stats, version(n));
    node *recorded = train ? ad_node(y, &plan_rule, count, count, in) : NULL;
    if (recorded) {
        plan_step *k = pool_host(sizeof *k);
        *k = (plan_step){*r, p};
        p->steps++;
        recorded->data = k;
        ad_save(recorded, kept);
    } else if (kept) {
        tx_drop(kept);
    }
    return y;
}

/* ---- either ---- */

/* What is common to all images of a batch: m / (m - 1) for each variance over m values. */
static void fill_unbias(net *n, int64_t images)
{
    if (n->unbias_n == images)
        return;
    real *host = pool_host((size_t)n->nstats * sizeof *host);
    for (int i = 0; i < n->nparts; i++) {
        const net_part *p = &n->parts[i];
        if (is_parameter(p))
            continue;
        const bk_window *g = &n->layers[p->layer].g;
        double m = (double)(images * g->p * g->q);
        for (int64_t j = 0; j < p->count; j++)
            host[p->offset + j] = (real)(p->kind == PART_MEAN ? 1 : m / (m - 1));
    }
    tx_assign(n->unbias, tx_from(DIMS(n->nstats), host));
    n->unbias_n = images;
    free(host);
}

/* running = (1 - momentum) running + momentum batch, variances of the sample. */
static void follow(const range *r, int64_t images, tensor *batch)
{
    net *n = r->n;
    int64_t at = first_stage(r)->stat;
    int recording = ad_record(0);
    tx_open();
    fill_unbias(n, images);
    tensor *running = tx_view(n->stats, at, tx_dims(batch)), *unbias = tx_view(n->unbias, at, tx_dims(batch));
    tx_assign(running, tx_add(tx_scale(running, 1 - momentum), tx_scale(tx_mul(batch, unbias), momentum)));
    tx_close();
    ad_record(recording);
}

static void check_input(const range *r, const tensor *x)
{
    bk_window in = net_out(r->n, first_stage(r)->layer - 1);
    dims want = DIMS(tx_dims(x).d[0], in.p, in.q, in.k);
    if (!tx_same_dims(tx_dims(x), want))
        tx_die("nn_run", "stage %s of %s takes [n,%lld,%lld,%lld], not %s", first_stage(r)->name, r->n->name,
               (long long)in.p, (long long)in.q, (long long)in.k, tx_text(x));
}

static tensor *run_layers(const range *r, tensor *x)
{
    net *n = r->n;
    const net_stage *first = first_stage(r), *next = next_stage(r);
    int64_t images = tx_dims(x).d[0], statistics = next->stat - first->stat;
    check_input(r, x);

    int count = 0;
    tensor **in = pool_host((size_t)(next->part - first->part + 1) * sizeof *in);
    in[count++] = x;
    for (int p = first->part; p < next->part; p++)
        if (is_parameter(&n->parts[p]))
            in[count++] = n->parts[p].view;
    bool recorded = false;
    for (int i = 0; i < count && engine.recording; i++)
        recorded = recorded || ad_wanted(in[i]);

    tensor *batch = r->mode == NN_EVAL ? NULL : tx_new(DIMS(statistics));
    net_plan *p = NULL;
    if (engine.fused && engine.api->plan_open && images > 0 && (r->mode != NN_EVAL || !recorded))
        p = find_plan(r, images);
    tensor *y = p && p->plan ? run_plan(r, p, count, in, batch) : compose(r, in, batch, !recorded);
    free(in);
    if (r->mode == NN_TRAIN && statistics > 0 && images > 0)
        follow(r, images, batch);
    if (batch)
        tx_drop(batch);
    return y;
}

tensor *nn_run(net *n, tensor *x, int from, int to)
{
    int body = n->nstages - 1;
    if (from < 0 || to > n->nstages || from > to)
        tx_die("nn_run", "%s has stages 0 to %d, not %d to %d", n->name, n->nstages, from, to);
    range r = {n, from, to < body ? to : body, n->mode};
    if (from < r.to) {
        x = run_layers(&r, x);
        if (r.to == body)
            x = tx_reshape(x, DIMS(tx_dims(x).d[0], n->features));
    }
    if (from < to && to == n->nstages)
        x = tx_add(tx_matmul(x, nn_head_weight(n), 0, 1), nn_head_bias(n));
    return x;
}

int nn_stages(const net *n)
{
    return n->nstages;
}

int nn_stage(const net *n, const char *name)
{
    for (int i = 0; i < n->nstages; i++)
        if (strcmp(n->stages[i].name, name) == 0)
            return i;
    char all[256] = "";
    for (int i = 0; i < n->nstages; i++) {
        strncat(all, " ", sizeof all - strlen(all) - 1);
        strncat(all, n->stages[i].name, sizeof all - strlen(all) - 1);
    }
    tx_die("nn_stage", "%s has no stage called %s, but%s", n->name, name, all);
}
