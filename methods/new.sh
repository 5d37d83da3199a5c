#!/bin/sh
# new.sh - writes methods/NAME.c, a scorer that works, and its test row in
# tests/methods/NAME.csv: `make method NAME=x`. Change both; edit nothing else.
cd "$(dirname "$0")/.." || exit 1
name=${1:-}

refuse() {
    echo "make method: $1" >&2
    exit 2
}
[ -n "$name" ] || refuse 'expected a name: make method NAME=x'
case $name in
*[!a-z0-9_]* | [!a-z]*) refuse "\`$name\` is no name: lower case letters, digits and _, a letter first" ;;
auto | break | case | char | const | continue | default | do | double | else | enum | extern | float | for | goto | \
    if | inline | int | long | register | restrict | return | short | signed | sizeof | static | struct | switch | \
    typedef | union | unsigned | void | volatile | while | bool | true | false | method | param | params | score | \
    fit | loss | run | samples | tensor | batch | net | dims | real) refuse "\`$name\` means something in C or in method.h: choose another name" ;;
esac
[ ${#name} -le 31 ] || refuse "\`$name\` is longer than 31 characters"
for taken in "methods/$name.c" "tests/methods/$name.csv" "tests/bad/$name.c"; do
    [ ! -e "$taken" ] || refuse "$taken is there already: choose another name"
done
mkdir -p tests/methods

cat >"methods/$name.c" <<END
/* $name.c - the largest logit, less what the others weigh. Say here what your
 * score measures, and why it should tell classes from outliers. */
#include "method.h"

/* Parameters are fields: double, int64_t, bool, or int for a choice of words.
 * What fit() learns may stand here too; the host zeroes the rest. */
struct $name {
    double weight;
};

/* Each parameter becomes the key \`$name.weight\`, checked against its range. */
static const param params[] = {
    PARAM(struct $name, weight, .init = 0.1, .min = 0, .max = 10, .sweep = "0 0.1 1", .help = "of the other logits"),
};

/* Called with some samples at a time; returns one score for each, [n,1], larger
 * for what looks in-distribution. Tensors need no freeing. Features, labels
 * and inputs come the same way (method.h); operations are in harness/tensor.h.
 * A method that learns from training data has \`static void fit(void *self,
 * run *r)\` too, and reads it there: samples_features(run_split(r, RUN_TRAIN)). */
static tensor *score(void *self, run *r, samples *s)
{
    struct $name *p = self;
    tensor *f = samples_logits(s);
    (void)r;
    return tx_sub(tx_rowmax(f), tx_scale(tx_lse(f), p->weight));
}

const method method_entry = {
    METHOD_HEAD, .name = "$name", .cite = "who, and when", PARAMS(struct $name, params), .score = score};
END

cat >"tests/methods/$name.csv" <<END
# $name on the toy problem of tests/method.c, worked out by hand: for the test
# feature (h1, h2) the logits are (2 h1, 2 h2, 0.5 - h1 - h2). At (1, 0.5) they are
# (2, 1, -1), their log sum exp is 2.349012, and 2 - 0.1 * 2.349012 = 1.765099.
parameters,h1,h2,score
,1,0.5,1.765099
weight=0,1,0.5,2
END
echo "wrote methods/$name.c and its test row tests/methods/$name.csv; now: make && make test, then"
echo "name it under \`score:\` in a results/*.yml"
