/* conv_engine.h - inside the convolutions: what conv.c, conv_graph.c and
 * conv_kept.c share. A convolution is an operation graph of cuDNN; an engine is
 * one of its ways to compute that, set by knobs; a plan is an engine made ready. */
#ifndef CUDA_CONV_ENGINE_H
#define CUDA_CONV_ENGINE_H

#include "conv.h"

typedef cudnnBackendDescriptor_t descriptor;

enum { ENGINE_KNOBS = 24, GRAPH_PARTS = 32, CONV_KEY = 160 };

/* The names of the tensors in an operation graph. */
enum conv_tensor { TENSOR_OUT = 1, TENSOR_FIRST, TENSOR_SECOND, TENSOR_BIAS, TENSOR_PLUS, TENSOR_BETWEEN };

/* What makes the same engine again, in another process too. */
typedef struct engine_name {
    int64_t index;
    int knobs;
    int64_t knob[ENGINE_KNOBS], value[ENGINE_KNOBS];
} engine_name;

/* part: in the order they were made; the graph itself is the last of them. */
typedef struct conv_graph {
    descriptor part[GRAPH_PARTS];
    int parts;
    cudnnStatus_t rc; /* of the first step that failed; the later ones are left out */
} conv_graph;

struct choice {
    struct choice *next;
    conv_spec spec;
    conv_graph graph;
    engine_name engine;
    descriptor plan;   /* NULL: cuDNN has no engine for this spec */
    int64_t workspace; /* bytes */
    double ms;         /* as measured; negative: not measured */
};

/* conv_graph.c. Descriptors are the caller's to destroy. */
void conv_graph_open(bk *b, conv_graph *g, const conv_spec *s); /* g->rc: how it went */
void conv_graph_close(conv_graph *g);
/* What the heuristics propose, best first; how many. */
int conv_propose(const conv_graph *g, cudnnBackendHeurMode_t mode, descriptor *config, int most);
descriptor conv_config(const conv_graph *g, const engine_name *name); /* NULL: there is none */
int conv_name(descriptor config, engine_name *name);                  /* -1: it cannot be told */
/* Whether the results of an engine can be what `flags` of the device promise. */
int conv_allowed(descriptor config, const conv_spec *s, unsigned flags);
descriptor conv_plan(bk *b, descriptor config, int64_t *workspace); /* NULL: it does not work here */
/* `at` by conv_tensor; NULL where the graph has no such tensor. */
cudnnStatus_t conv_execute(bk *b, descriptor plan, void *const at[TENSOR_BETWEEN], void *workspace);

/* conv_kept.c: choices on disk, one line each; host logic alone. kept_find: 1
 * when there is a line for this; what it says was not tried. */
void kept_key(char key[CONV_KEY], const conv_spec *s, unsigned flags);
int kept_find(bk *b, const char *key, engine_name *name, double *ms);
void kept_add(bk *b, const char *key, const engine_name *name, int64_t workspace, double ms);

#endif
