/* tape.c - what was computed from what: every tensor that wants a gradient, in
 * order of creation, and the nodes that say how. */
#define TX_PLAIN
#include <stdlib.h>
#include <string.h>

#include "pool.h"

engine_state engine = {.recording = true, .fused = true, .parameters = true};

static tensor **tape;
static int64_t length, room;

int64_t tape_length(void)
{
    return length;
}

tensor *tape_at(int64_t order)
{
    return tape[order];
}

void tape_add(tensor *t)
{
    if (length == room) {
        int64_t more = room ? 2 * room : 1024;
        tensor **grown = pool_host((size_t)more * sizeof *grown);
        if (length)
            memcpy(grown, tape, (size_t)length * sizeof *grown);
        free(tape);
        tape = grown;
        room = more;
    }
    t->wants = true;
    t->order = length;
    tape[length++] = t;
}

/* --- Nodes --- */

static void drop_saved(node *n)
{
    for (int i = 0; i < 3; i++) {
        if (n->saved[i])
            tx_drop(n->saved[i]);
        n->saved[i] = NULL;
    }
}

void node_spend(node *n)
{
    if (n->spent)
        return;
    n->spent = true;
    drop_saved(n);
    if (n->rule->forget)
        n->rule->forget(n);
    n->data = NULL;
}

static void node_free(tensor *t)
{
    if (t->node)
        node_spend(t->node);
    free(t->node);
    t->node = NULL;
}

node *ad_node(tensor *y, const rule *r, int differentiable, int n, tensor *const in[])
{
    node *k;
    bool wanted = false;

    if (!engine.recording)
        return NULL;
    for (int i = 0; i < differentiable; i++)
        wanted = wanted || ad_wanted(in[i]);
    if (!wanted)
        return NULL;
    k = pool_host(sizeof *k + (size_t)n * sizeof k->in[0]);
    k->rule = r;
    k->y = y;
    k->at = tx_where();
    k->version = y->mem->version;
    k->n = n;
    k->differentiable = differentiable;
    for (int i = 0; i < n; i++) {
        k->in[i].t = in[i];
        k->in[i].version = in[i]->mem->version;
    }
    y->node = k;
    tape_add(y);
    return k;
}

void ad_save(node *n, tensor *t)
{
    for (int i = 0; i < 3; i++)
        if (!n->saved[i]) {
            n->saved[i] = t;
            scope_disown(t);
            return;
        }
    tx_die(n->rule->name, "a node saves at most 3 tensors");
}

/* --- The tape and the scopes --- */

void tape_forget(tensor *t)
{
    node_free(t);
    if (t->wants && t->order < length && tape[t->order] == t)
        tape[t->order] = NULL;
    t->wants = false;
}

void tape_cut(int64_t start, int depth)
{
    int64_t end = length;

    length = start < length ? start : length;
    for (int64_t i = start; i < end; i++) {
        tensor *t = tape[i];
        if (!t || t->scope >= depth)
            continue;
        if (t->node) { /* kept: its value lives on, what it was computed from does not */
            node_free(t);
            t->lost = true;
        }
        t->order = length;
        tape[length++] = t;
    }
}

/* --- Leaves and switches --- */

bool ad_wanted(const tensor *t)
{
    return t->wants && (!t->grad || engine.parameters);
}

tensor *ad_leaf(tensor *x)
{
    tensor *y = tx_copy(x);

    if (x->integer)
        tx_die("ad_leaf", "%s has no gradient", tx_text(x));
    tape_add(y);
    return y;
}

tensor *ad_detach(tensor *x)
{
    return tx_view(x, 0, x->d);
}

void ad_parameter(tensor *leaf, tensor *grad)
{
    if (!tx_same_dims(leaf->d, grad->d) || leaf->node || leaf->wants)
        tx_die("ad_parameter", "%s, %s: a new leaf and a gradient of its extents are expected", tx_text(leaf),
               tx_text(grad));
    leaf->grad = grad;
    tape_add(leaf);
}

int ad_record(int on)
{
    int was = engine.recording;

    engine.recording = on != 0;
    return was;
}

bool engine_fused(bool on)
{
    bool was = engine.fused;

    engine.fused = on;
    return was;
}

bool engine_parameters(bool on)
{
    bool was = engine.parameters;

    engine.parameters = on;
    return was;
}
