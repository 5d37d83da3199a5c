/* rankfeat.c - the energy of logits from which the strongest component of the
 * last two maps was taken away: it carries more of what is out of distribution.
 *
 * A map of one sample is a matrix, positions by channels. Less its first
 * singular component it runs through the rest of the network; the logits of
 * both maps are averaged. The maps are those that the last two stages before
 * pooling yield: layer3 and layer4 of ResNet-18. */
#include "method.h"

struct rankfeat {
    double temperature;
    int64_t power;
};

static const param params[] = {
    PARAM(struct rankfeat, temperature, .init = 1, .min = 1e-3, .max = 1e4, .help = "divides the logits"),
    PARAM(struct rankfeat, power, .init = 0, .min = 0, .max = 1000,
          .help = "steps of the power method, 20 in the original; 0: exact"),
};

/* Sums over positions, [n,1,1,c], and the way back. */
static tensor *gather(tensor *map)
{
    dims d = tx_dims(map);
    return tx_scale(tx_avgpool(map, (int)d.d[1], 1, 0), (double)(d.d[1] * d.d[2]));
}

static tensor *scatter(tensor *channels, dims d)
{
    return tx_scale(tx_avgpool_t(channels, (int)d.d[1], 1, 0, d), (double)(d.d[1] * d.d[2]));
}

/* The map's rows times a vector of channels for each sample: [n,positions]. */
static tensor *along(tensor *map, tensor *channels)
{
    dims d = tx_dims(map);
    return tx_reshape(tx_rowsum(tx_mul(map, scatter(channels, d))), DIMS(d.d[0], d.d[1] * d.d[2]));
}

static tensor *weighted(tensor *map, tensor *positions)
{
    return tx_mul(map, tx_reshape(positions, DIMS(tx_rows(map), 1)));
}

/* From all ones, which no map of positive numbers is at right angles to. */
static tensor *power_method(tensor *map, int64_t steps)
{
    tensor *v = tx_full(DIMS(tx_dims(map).d[0], tx_rows(map) / tx_dims(map).d[0]), 1);
    while (steps-- > 0)
        v = tx_unit_rows(along(map, tx_unit_rows(gather(weighted(map, v)))));
    return v;
}

static tensor *without_first(const struct rankfeat *k, tensor *map)
{
    dims d = tx_dims(map);
    tensor *v = k->power ? power_method(map, k->power)
                         : tx_leading(tx_reshape(map, DIMS(d.d[0], d.d[1] * d.d[2], d.d[3])));
    return tx_sub(map, weighted(scatter(gather(weighted(map, v)), d), v));
}

static tensor *score(void *self, run *r, samples *s)
{
    struct rankfeat *k = self;
    net *n = run_net(r);
    int end = nn_stages(n), pool = end - 2;
    tensor *third = nn_run(n, samples_input(s), 0, pool - 1), *fourth = nn_run(n, third, pool - 1, pool);
    tensor *f = nn_run(n, without_first(k, fourth), pool, end);
    f = tx_add(f, nn_run(n, without_first(k, third), pool - 1, end));
    return tx_scale(tx_lse(tx_scale(f, 0.5 / k->temperature)), k->temperature);
}

const method method_entry = {METHOD_HEAD,    .name = "rankfeat",
                             .inputs = true, .cite = "Song et al. 2022",
                             .score = score, PARAMS(struct rankfeat, params)};
