/* grad.c - derivatives: one walk down the tape, from y to what is asked for.
 *
 * Creation order is an order of evaluation, so walking it backwards meets every
 * tensor after all that were computed from it: no recursion, no sorting. First
 * a walk upwards marks what depends on the targets; nothing else is computed.
 * Each walk has its own marks and gradients, so rules may start another. */
#define TX_PLAIN
#include <stdlib.h>

#include "pool.h"
#include "ranks.h"

typedef struct walk {
    tensor *y;
    int64_t base, n; /* tape positions base ... base + n - 1 */
    bool *target, *need;
    tensor **grad; /* what has reached each so far */
    bool create, retain;
    double seed; /* dy/dy: with several ranks y is the mean of theirs */
    int depth;   /* of the scope that rules run in */
} walk;

/* --- What a rule sees --- */

tensor *ad_input(const step *s, int i)
{
    return s->n->in[i].t;
}

bool ad_needs(const step *s, int i)
{
    const tensor *x = s->n->in[i].t;

    return i < s->n->differentiable && x->wants && x->order >= s->walk->base &&
           s->walk->need[x->order - s->walk->base];
}

/* A gradient of our own: born in the rule's scope and moved out of it, or,
 * when it is somebody else's already, a second view. */
static tensor *own(const walk *w, tensor *dx)
{
    if (w->create)
        return dx;
    return tx_keep(dx->scope == w->depth ? dx : tx_view(dx, 0, dx->d));
}

void ad_give(step *s, int i, tensor *dx)
{
    walk *w = s->walk;
    tensor **slot, *sum;

    if (!ad_needs(s, i))
        return;
    if (!tx_same_dims(dx->d, s->n->in[i].t->d))
        tx_die(s->n->rule->name, "the gradient %s of input %d, %s", tx_text(dx), i, tx_text(s->n->in[i].t));
    slot = &w->grad[s->n->in[i].t->order - w->base];
    if (!*slot) {
        *slot = own(w, dx);
    } else if (!w->create && (*slot)->mem->refs == 1) { /* nobody else sees it */
        engine.api->axpy(engine.b, tx_data(*slot), tx_data(dx), dx->count, 1);
    } else {
        sum = own(w, tx_add(*slot, dx));
        if (!w->create)
            tx_drop(*slot);
        *slot = sum;
    }
}

/* --- The walk --- */

static void start(walk *w, tensor *y, int64_t base)
{
    w->y = y;
    w->base = base;
    w->n = y->order - base + 1;
    w->grad = pool_host((size_t)w->n * (sizeof *w->grad + 2 * sizeof(bool)));
    w->target = (bool *)(w->grad + w->n);
    w->need = w->target + w->n;
}

/* Marks what depends on a target, or on what lost its history. */
static void mark(walk *w)
{
    for (int64_t i = 0; i < w->n; i++) {
        const tensor *t = tape_at(w->base + i);
        w->need[i] = w->target[i];
        for (int j = 0; t && t->node && j < t->node->differentiable && !w->need[i]; j++) {
            const tensor *x = t->node->in[j].t;
            w->need[i] = x->wants && (x->lost || (x->order >= w->base && w->need[x->order - w->base]));
        }
    }
}

static void refuse(const node *n, const char *why)
{
    tx_die("gradient", "%s at %s:%d %s", n->rule->name, n->at.file ? n->at.file : "?", n->at.line, why);
}

static void check_version(const node *n, const tensor *x, uint32_t version)
{
    if (!x->mem)
        refuse(n, "needs a tensor that an earlier backward pass gave back: ask for AD_RETAIN there");
    if (x->mem->version == version)
        return;
    origin at = x->mem->changed_at;
    tx_die("gradient", "%s at %s:%d used %s, which %s at %s:%d has changed since", n->rule->name,
           n->at.file ? n->at.file : "?", n->at.line, tx_text(x), x->mem->changed_by, at.file ? at.file : "?",
           at.line);
}

static void check(const node *n)
{
    if (n->spent)
        refuse(n, "was differentiated before, and its memory given back: ask for AD_RETAIN then");
    for (int i = 0; i < n->n; i++) {
        const tensor *x = n->in[i].t;
        if (i < n->differentiable && x->lost && x->wants)
            refuse(n, "uses a tensor kept from a scope that closed, with its history: ad_detach it, "
                      "or differentiate before closing");
        check_version(n, x, n->in[i].version);
    }
    check_version(n, n->y, n->version);
}

static void take_step(walk *w, tensor *t, tensor *g)
{
    step s = {.n = t->node, .y = t, .g = g, .create = w->create, .walk = w};

    check(t->node);
    if (w->create) {
        t->node->rule->vjp(&s);
        return;
    }
    tx_open();
    w->depth = pool_depth();
    t->node->rule->vjp(&s);
    tx_close();
}

/* Interior results are not needed below their own step. */
static void give_back(walk *w, tensor *t, bool target)
{
    if (w->retain)
        return;
    node_spend(t->node);
    if (t == w->y || target)
        return;
    pool_release(t->mem);
    t->mem = NULL;
}

static void run(walk *w, unsigned flags)
{
    int recording;

    w->create = flags & AD_CREATE;
    w->seed = flags & AD_INNER ? 1 : 1.0 / ranks_count();
    w->retain = flags & (AD_CREATE | AD_RETAIN);
    recording = ad_record(w->create);
    mark(w);
    w->grad[w->n - 1] = tx_full(w->y->d, w->seed);
    for (int64_t i = w->n - 1; i >= 0; i--) {
        tensor *t = tape_at(w->base + i), *g = w->grad[i];
        if (!t || !g || !w->need[i] || !t->node)
            continue;
        take_step(w, t, g);
        if (!w->target[i]) {
            if (!w->create)
                tx_drop(g);
            w->grad[i] = NULL;
        }
        give_back(w, t, w->target[i]);
    }
    ad_record(recording);
}

static void need_loss(const char *operation, const tensor *y)
{
    if (y->count != 1)
        tx_die(operation, "%s, one element is expected", tx_text(y));
    if (!y->wants || y->lost)
        tx_die(operation, "%s depends on no leaf: was recording off, or its scope closed?", tx_text(y));
}

/* --- Asked for by name --- */

/* The gradient that reached x: what the caller may write to and keep. */
static tensor *result(walk *w, const tensor *x)
{
    int64_t i = x->order - w->base;
    tensor *g = i < w->n ? w->grad[i] : NULL;

    if (!g)
        return tx_full(x->d, 0);
    return w->create || g->mem->refs == 1 ? g : tx_copy(g);
}

void ad_grad(tensor *y, int n, tensor *const x[], tensor *g[], unsigned flags)
{
    walk w = {0};
    int64_t base = y->order;

    need_loss("ad_grad", y);
    for (int i = 0; i < n; i++) {
        if (!x[i]->wants)
            tx_die("ad_grad", "%s wants no gradient: ad_leaf makes a tensor that does", tx_text(x[i]));
        base = x[i]->order < base ? x[i]->order : base;
    }
    start(&w, y, base);
    for (int i = 0; i < n; i++)
        if (x[i]->order <= y->order)
            w.target[x[i]->order - base] = true;
    run(&w, flags);
    for (int i = 0; i < n; i++)
        g[i] = result(&w, x[i]);
    free(w.grad);
}

/* --- Into the parameters --- */

/* Neighbours in both vectors are added in one go: a network that was run as one
 * plan is one call. */
typedef struct addition {
    tensor *to, *from;
    int64_t count;
} addition;

static void flush(addition *a)
{
    if (!a->count)
        return;
    engine.api->axpy(engine.b, tx_data(a->to), tx_data(a->from), a->count, 1);
    tx_changed(a->to, "ad_backward");
    a->count = 0;
}

static void add_to_parameter(addition *a, tensor *to, tensor *from)
{
    bool next = a->count && to->mem == a->to->mem && from->mem == a->from->mem &&
                to->offset == a->to->offset + a->count && from->offset == a->from->offset + a->count;

    if (!next) {
        flush(a);
        a->to = to;
        a->from = from;
    }
    a->count += to->count;
}

void ad_backward(tensor *y)
{
    walk w = {0};
    addition pending = {0};

    need_loss("ad_backward", y);
    start(&w, y, 0);
    for (int64_t i = 0; i < w.n; i++) {
        const tensor *t = tape_at(i);
        w.target[i] = t && t->grad && ad_wanted(t);
    }
    run(&w, 0);
    for (int64_t i = 0; i < w.n; i++)
        if (w.target[i] && w.grad[i])
            add_to_parameter(&pending, tape_at(i)->grad, w.grad[i]);
    flush(&pending);
    for (int64_t i = 0; i < w.n; i++)
        if (w.grad[i])
            tx_drop(w.grad[i]);
    free(w.grad);
}

/* --- Fused operations, differentiated through their composition --- */

void ad_replay(step *s, ad_compose *compose, void *data)
{
    int n = s->n->n, wanted = 0, recording = ad_record(1);
    tensor **again = pool_host(3 * (size_t)n * sizeof *again), **x = again + n, **g = x + n;

    /* Aliases cut the inputs off from each other: partial derivatives, not total ones. */
    for (int i = 0; i < n; i++) {
        again[i] = ad_needs(s, i) ? ad_alias(ad_input(s, i)) : ad_input(s, i);
        if (ad_needs(s, i))
            x[wanted++] = again[i];
    }
    tensor *y = compose(again, data);
    ad_grad(tx_sum(tx_mul(y, s->g)), wanted, x, g, AD_INNER | (s->create ? AD_CREATE : 0));
    ad_record(recording);
    for (int i = 0, j = 0; i < n; i++)
        if (ad_needs(s, i))
            ad_give(s, i, g[j++]);
    free(again);
}
