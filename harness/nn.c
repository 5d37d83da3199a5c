/* nn.c - runs ranges of a network's stages: as one plan of the backend where
 * it has one, else layer by layer with public operations. The composed way
 * serves every order of derivative, the plans serve evaluation without
 * gradients or with the input's, training, and the gradient of an input's
 * gradient. */
#include "engine.h"
#include "network.h"
#include "ranks.h"

#include <stdlib.h>
#include <string.h>

static const double momentum = 0.1; /* of running statistics, PyTorch's default */
enum { PLANS = 8 };                 /* kept open; those a recorded step still needs are not counted out */

typedef struct net_plan {  /* the backend's answer; plan is NULL where it had none */
    struct net_plan *next; /* latest use first */
    int from, to, steps;   /* steps: recorded ones that will call plan_grad */
    int64_t images;
    unsigned flags; /* as wanted */
    bool bf16;      /* as granted */
    bk_plan *plan;
} net_plan;

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
static bk_plan *open_plan(const net_range *r, int64_t images, unsigned flags)
{
    const net_stage *s = net_first(r);
    int count = net_next(r)->layer - s->layer;
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

/* A backend that knows nothing of BK_PULL opens a plan that keeps nothing. */
static bk_plan *open_to_pull(const net_range *r, int64_t images)
{
    bk_plan *p = open_plan(r, images, BK_PULL);
    if (!p || engine.api->plan_bytes(engine.b, p) > 0)
        return p;
    engine.api->plan_close(engine.b, p);
    return NULL;
}

/* flags: BK_BF16, BK_PULL or none; the mode says the rest. */
static net_plan *find_plan(const net_range *r, int64_t images, unsigned flags)
{
    net *n = r->n;
    net_plan **at = &n->plans, *p;
    flags |= r->mode == NN_EVAL ? 0U : BK_TRAIN;
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
        p->plan = flags & BK_PULL ? open_to_pull(r, images) : open_plan(r, images, flags);
        p->bf16 = p->plan && flags & BK_BF16;
        if (!p->plan && flags == (BK_TRAIN | BK_BF16))
            p->plan = open_plan(r, images, BK_TRAIN);
    }
    p->next = n->plans;
    n->plans = p;
    return p;
}

typedef struct plan_step { /* what a recorded plan keeps until its gradient */
    net_range r;
    net_plan *plan;
} plan_step;

/* The images and the parameters. */
static int inputs_of(const net_range *r)
{
    int count = 1;
    for (int p = net_first(r)->part; p < net_next(r)->part; p++)
        count += net_is_parameter(&r->n->parts[p]);
    return count;
}

static const real *weights_of(const net_range *r)
{
    return tx_data(r->n->weights) + net_first(r)->weight;
}

/* dw is the gradient of the range's slice of the parameters, which are inputs
 * from number `i` on, as views of it. */
static void give_parameters(step *s, const net_range *r, int i, tensor *dw)
{
    const net_stage *first = net_first(r), *next = net_next(r);
    for (int p = first->part; p < next->part; p++) {
        const net_part *part = &r->n->parts[p];
        if (net_is_parameter(part))
            ad_give(s, i++, tx_view(dw, part->offset - first->weight, part->d));
    }
}

static tensor *slice_of_weights(const net_range *r)
{
    return tx_new(DIMS(net_next(r)->weight - net_first(r)->weight));
}

static void keep_step(node *recorded, const plan_step *k)
{
    plan_step *copy = pool_host(sizeof *copy);
    *copy = *k;
    copy->plan->steps++;
    recorded->data = copy;
}

/* The input's gradient as composed operations; in: the gradient of the result,
 * the input, the parameters. The alias makes it a partial derivative even where
 * that first gradient depends on the input too. */
static tensor *slope_again(tensor *const in[], void *data)
{
    const plan_step *k = data;
    int count = inputs_of(&k->r);
    tensor **own = pool_host((size_t)count * sizeof *own), *g;
    memcpy(own, in + 1, (size_t)count * sizeof *own);
    own[0] = in[1]->wants ? ad_alias(in[1]) : ad_leaf(in[1]);
    tensor *y = net_compose(&k->r, own, NULL, false);
    ad_grad(tx_sum(tx_mul(y, in[0])), 1, own, &g, AD_CREATE | AD_INNER);
    free(own);
    return g;
}

static void slope_vjp(step *s)
{
    const plan_step *k = s->n->data;
    if (s->create) {
        ad_replay(s, slope_again, s->n->data);
        return;
    }
    tensor *dy = ad_input(s, 0), *x = ad_input(s, 1), *ddy = tx_new(tx_dims(dy)), *dw = slice_of_weights(&k->r);
    tensor *dx = ad_needs(s, 1) ? tx_new(tx_dims(x)) : NULL;
    engine.api->plan_bend(engine.b, k->plan->plan, tx_data(ddy), dx ? tx_data(dx) : NULL, tx_data(dw),
                          tx_data(s->g), s->n->saved[0]->mem->at, s->n->saved[1]->mem->at, tx_data(x),
                          weights_of(&k->r));
    ad_give(s, 0, ddy);
    if (dx)
        ad_give(s, 1, dx);
    give_parameters(s, &k->r, 2, dw);
}

static void plan_forget(node *n)
{
    plan_step *k = n->data;
    if (k)
        k->plan->steps--;
    free(k);
}

static const rule slope_rule = {"nn_run", slope_vjp, plan_forget};

/* The input's gradient, recorded as one operation of dy, x and the parameters.
 * False: somebody asks for those of parameters too, or the plan cannot. */
static bool slope(step *s)
{
    const plan_step *k = s->n->data;
    int n = s->n->n;
    bool wanted = ad_needs(s, 0);
    for (int i = 1; i < n; i++)
        wanted = wanted && !ad_needs(s, i);
    size_t bytes = wanted && engine.api->plan_more ? engine.api->plan_more(engine.b, k->plan->plan) : 0;
    if (!bytes)
        return false;
    tensor *x = ad_input(s, 0), *kept = s->n->saved[0], *dx = tx_new(tx_dims(x)), *more = tx_bytes(bytes);
    engine.api->plan_slope(engine.b, k->plan->plan, tx_data(dx), more->mem->at, tx_data(s->g), kept->mem->at,
                           tx_data(x), weights_of(&k->r));
    tensor **in = pool_host((size_t)(n + 1) * sizeof *in);
    in[0] = s->g;
    for (int i = 0; i < n; i++)
        in[i + 1] = ad_input(s, i);
    node *recorded = ad_node(dx, &slope_rule, n + 1, n + 1, in);
    free(in);
    if (recorded) {
        keep_step(recorded, k);
        ad_save(recorded, tx_view(kept, 0, tx_dims(kept)));
        ad_save(recorded, more);
    } else {
        tx_drop(more);
    }
    ad_give(s, 0, dx);
    return true;
}

static tensor *run_plan(const net_range *r, net_plan *p, int count, tensor *const in[], tensor *batch);

/* Second derivatives are taken in float: of what ran in bfloat16, by a plan that
 * does not, if there is one. */
static tensor *run_again(tensor *const in[], void *data)
{
    const plan_step *k = data;
    net_plan *wide = NULL;
    if (k->plan->bf16 && engine.fused && engine.api->plan_more)
        wide = find_plan(&k->r, k->plan->images, 0);
    if (!wide || !wide->plan || !engine.api->plan_more(engine.b, wide->plan))
        return net_compose(&k->r, in, NULL, false);
    tensor *batch = tx_new(DIMS(net_next(&k->r)->stat - net_first(&k->r)->stat));
    tensor *y = run_plan(&k->r, wide, inputs_of(&k->r), in, batch);
    tx_drop(batch);
    return y;
}

static void plan_vjp(step *s)
{
    const plan_step *k = s->n->data;
    if (s->create) {
        if (!engine.fused || !slope(s))
            ad_replay(s, run_again, s->n->data);
        return;
    }
    tensor *x = ad_input(s, 0), *kept = s->n->saved[0];
    tensor *dx = ad_needs(s, 0) ? tx_new(tx_dims(x)) : NULL, *dw = slice_of_weights(&k->r);
    engine.api->plan_grad(engine.b, k->plan->plan, dx ? tx_data(dx) : NULL, tx_data(dw), tx_data(s->g),
                          kept->mem->at, tx_data(x), weights_of(&k->r));
    if (dx)
        ad_give(s, 0, dx);
    give_parameters(s, &k->r, 1, dw);
}

static const rule plan_rule = {"nn_run", plan_vjp, plan_forget};

/* In evaluation, where nobody asks for the gradients of parameters. */
static void pull_vjp(step *s)
{
    const plan_step *k = s->n->data;
    if (s->create) {
        ad_replay(s, run_again, s->n->data);
        return;
    }
    tensor *x = ad_input(s, 0), *dx = tx_new(tx_dims(x));
    engine.api->plan_grad(engine.b, k->plan->plan, tx_data(dx), NULL, tx_data(s->g), s->n->saved[0]->mem->at,
                          tx_data(x), weights_of(&k->r));
    ad_give(s, 0, dx);
}

static const rule pull_rule = {"nn_run", pull_vjp, plan_forget};

/* Weights and statistics only ever change by writes that are counted. */
static uint64_t version(const net *n)
{
    return (uint64_t)n->weights->mem->version << 32 | n->stats->mem->version;
}

static tensor *run_plan(const net_range *r, net_plan *p, int count, tensor *const in[], tensor *batch)
{
    const net *n = r->n;
    const net_stage *s = net_first(r);
    const bk_window *g = &n->layers[net_next(r)->layer - 1].g;
    bool train = r->mode != NN_EVAL, pull = p->flags & BK_PULL;
    tensor *y = tx_new(DIMS(p->images, g->p, g->q, g->k));
    tensor *kept = train || pull ? tx_bytes(engine.api->plan_bytes(engine.b, p->plan)) : NULL;
    real *stats = train ? tx_data(batch) : tx_data(n->stats) + s->stat;
    engine.api->plan_run(engine.b, p->plan, tx_data(y), kept ? kept->mem->at : NULL, tx_data(in[0]), weights_of(r),
                         stats, version(n));
    node *recorded = kept ? ad_node(y, pull ? &pull_rule : &plan_rule, pull ? 1 : count, count, in) : NULL;
    if (recorded) {
        keep_step(recorded, &(plan_step){*r, p});
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
        if (net_is_parameter(p))
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
static void follow(const net_range *r, int64_t images, tensor *batch)
{
    net *n = r->n;
    int64_t at = net_first(r)->stat;
    int recording = ad_record(0);
    tx_open();
    fill_unbias(n, images * ranks_count());
    tensor *running = tx_view(n->stats, at, tx_dims(batch)), *unbias = tx_view(n->unbias, at, tx_dims(batch));
    tx_assign(running, tx_add(tx_scale(running, 1 - momentum), tx_scale(tx_mul(batch, unbias), momentum)));
    tx_close();
    ad_record(recording);
}

void net_check_input(const net_range *r, const tensor *x)
{
    bk_window in = net_out(r->n, net_first(r)->layer - 1);
    dims want = DIMS(tx_dims(x).d[0], in.p, in.q, in.k);
    if (!tx_same_dims(tx_dims(x), want))
        tx_die("nn_run", "stage %s of %s takes [n,%lld,%lld,%lld], not %s", net_first(r)->name, r->n->name,
               (long long)in.p, (long long)in.q, (long long)in.k, tx_text(x));
}

static tensor *run_layers(const net_range *r, tensor *x)
{
    net *n = r->n;
    const net_stage *first = net_first(r), *next = net_next(r);
    int64_t images = tx_dims(x).d[0], statistics = next->stat - first->stat;
    net_check_input(r, x);

    int count;
    tensor **in = net_operands(r, x, &count);
    bool of_input = engine.recording && ad_wanted(x), recorded = of_input;
    for (int i = 1; i < count && engine.recording; i++)
        if (ad_wanted(in[i])) {
            recorded = true;
            of_input = false; /* alone */
        }
    unsigned flags = r->mode == NN_EVAL && of_input ? BK_PULL : n->bf16 ? BK_BF16 : 0U;

    tensor *batch = r->mode == NN_EVAL ? NULL : tx_new(DIMS(statistics));
    net_plan *p = NULL;
    bool alone = r->mode == NN_EVAL || ranks_count() == 1; /* a plan knows this rank's statistics only */
    if (alone && engine.fused && engine.api->plan_open && images > 0 &&
        (r->mode != NN_EVAL || !recorded || of_input))
        p = find_plan(r, images, flags);
    if (r->mode != NN_EVAL)
        n->trained |= p && p->bf16 ? NN_TRAINED_BF16 : NN_TRAINED_F32;
    tensor *y = p && p->plan ? run_plan(r, p, count, in, batch) : net_compose(r, in, batch, !recorded);
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
    net_range r = {n, from, to < body ? to : body, n->mode};
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
