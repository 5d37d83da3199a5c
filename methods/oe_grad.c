/* oe_grad.c - outlier exposure with greg's penalty on the input gradient of its
 * own score. The paper has the rule and a row of results, no formula. Here the
 * score is the entropy over log C, from 0 to 1, penalised where it is settled:
 * below m_in for classes, above m_out for outliers; or, without margins, minus
 * the largest probability. The margins are ours. */
#include "greg.h"

struct oe_grad {
    double weight, penalty, m_in, m_out;
    int oe_score;
};
enum { ENTROPY, MSP };

static const param params[] = {
    PARAM(struct oe_grad, weight, .init = 0.5, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1 2",
          .help = "lambda, of the outliers' term"),
    PARAM(struct oe_grad, penalty, .init = 1, .min = 0, .max = 1000,
          .help = "lambda_grad, of the gradients' norms"),
    PARAM(struct oe_grad, m_in, .init = 0.1, .min = 0, .max = 1, .help = "classes' entropies are settled below"),
    PARAM(struct oe_grad, m_out, .init = 0.9, .min = 0, .max = 1, .help = "outliers' entropies are settled above"),
    PARAM(struct oe_grad, oe_score, .init = ENTROPY, .choices = "entropy msp",
          .help = "whose gradient is penalised"),
};

/* [n,1]: -sum p log(p + 1e-8) / log C. */
static tensor *entropy(tensor *z)
{
    tensor *p = tx_exp(tx_log_softmax(z));
    tensor *sum = tx_rowsum(tx_mul(p, tx_map(BK_LOG, tx_affine(p, 1, 1e-8))));
    return tx_scale(sum, -1 / log((double)tx_cols(z)));
}

static tensor *confidence(tensor *z)
{
    return tx_exp(tx_rowmax(tx_log_softmax(z)));
}

static tensor *loss(void *self, run *r, const batch *b)
{
    const struct oe_grad *s = self;
    const batch *o = run_outliers(r, run_outlier_batch(r));
    tensor *x = ad_leaf(tx_concat(b->x, o->x)), *z = nn_forward(run_net(r), x);
    tensor *in = tx_slice(z, 0, b->n), *out = tx_slice(z, b->n, o->n);
    tensor *ce = tx_nll(in, b->y), *uniform = uniform_cross_entropy(out);
    tensor *score = s->oe_score == ENTROPY ? settled(entropy(in), entropy(out), s->m_in, s->m_out)
                                           : tx_add(tx_mean(confidence(in)), tx_mean(confidence(out)));
    tensor *norms = gradient_norms(score, x);
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "uniform", uniform);
    run_note_tensor(r, "gradient_norm", run_sum(r, norms));
    return tx_add(tx_add(ce, tx_scale(uniform, s->weight)), tx_scale(tx_mean(norms), s->penalty));
}

const method method_entry = {METHOD_HEAD,      .name = "oe_grad",
                             .outliers = true, .reconstruction = true,
                             .ranks = true,    .cite = "after Sharifi et al. 2024",
                             .loss = loss,     PARAMS(struct oe_grad, params)};
