"""formulas.py - the scorers that need only features and logits, written from their papers'
formulas with numpy, scipy, scikit-learn, faiss and torch, and with nothing of this program's.

Each is a function of `known` (what a scorer may fit on: training and validation data and the
head), the data to be scored and the scorer's settings by name. Larger is more in-distribution.
All is in double, from the float32 features and logits that the program wrote.
"""
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expm1, logsumexp, rel_entr, softmax
from sklearn.covariance import EmpiricalCovariance


@dataclass
class Data:
    h: np.ndarray  # [n, width] penultimate features
    f: np.ndarray  # [n, classes] logits
    y: np.ndarray  # [n] labels

    @property
    def guess(self):
        return self.f.argmax(1)


@dataclass
class Known:
    train: Data
    val: Data
    w: np.ndarray  # [classes, width]
    b: np.ndarray  # [classes]
    seed: int

    def energy(self, h):
        return logsumexp(h @ self.w.T + self.b, axis=1)

    def class_means(self, values, labels):
        return np.stack([values[labels == c].mean(0) for c in range(len(self.b))])


# --- Of the logits alone ---


def msp(known, q):
    return softmax(q.f, axis=1).max(1)


def mls(known, q):
    return q.f.max(1)


def ebo(known, q, temperature):
    return temperature * logsumexp(q.f / temperature, axis=1)


def mean_nll(val, t):
    return np.mean(logsumexp(val.f / t, axis=1) - val.f[np.arange(len(val.y)), val.y] / t)


def stopped_early(val):
    """The reference's optimiser: what PyTorch makes of fifty steps from 1.5."""
    import torch

    f, y = torch.from_numpy(val.f), torch.from_numpy(val.y)
    t = torch.full((1,), 1.5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([t], lr=0.01, max_iter=50)

    def loss():
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(f / t, y)
        value.backward()
        return value

    optimiser.step(loss)
    return t.item()


def temp_scaling(known, q, parity):
    found = minimize_scalar(lambda u: mean_nll(known.val, np.exp(u)), bounds=np.log([0.05, 20]), method="bounded",
                            options={"xatol": 1e-10})
    t = stopped_early(known.val) if parity else np.exp(found.x)
    return softmax(q.f / t, axis=1).max(1)


def gen(known, q, gamma, m):
    log_p = np.sort(q.f - logsumexp(q.f, axis=1, keepdims=True), axis=1)[:, ::-1][:, : int(m)]
    # 1 - p of the winner is the sum over the others: it may be smaller than p's last digit
    others = -np.sort(-q.f, axis=1)[:, 1:]
    log_rest = np.log(-expm1(np.minimum(log_p, -1e-300)))
    log_rest[:, 0] = logsumexp(others, axis=1) - logsumexp(q.f, axis=1)
    return -np.exp(gamma * (log_p + log_rest)).sum(1)


def klm(known, q):
    p, seen = softmax(known.val.f, axis=1), known.val.guess
    one_hot = np.eye(len(known.b))
    templates = [p[seen == c].mean(0) if (seen == c).any() else one_hot[c] for c in range(len(known.b))]
    p = softmax(q.f, axis=1)
    return -np.min([rel_entr(p, d).sum(1) for d in templates], axis=0)


def weibull_tail(distances, tail, shift):
    """Maximum likelihood on the largest distances, the least of them moved to `shift`."""
    largest = np.sort(distances)[-int(tail):]
    log_t = np.log(largest - largest[0] + shift)
    top = log_t.max()
    mean = log_t.mean()

    def slope(k):
        weight = np.exp(k * (log_t - top))
        return (weight * log_t).sum() / weight.sum() - 1 / k - mean

    k = brentq(slope, 1e-3, 1e6, xtol=1e-12, rtol=1e-14)
    scale = np.exp(top) * np.mean(np.exp(k * (log_t - top))) ** (1 / k)

    def below(d):
        with np.errstate(over="ignore"):  # so far out that it is 1
            return -expm1(-((np.maximum(d - largest[0] + shift, 0) / scale) ** k))

    return below


def openmax(known, q, alpha, tail, weibull_shift):
    t = known.train
    right = t.guess == t.y
    given = np.zeros_like(q.f)
    rank = np.argsort(np.argsort(-q.f, axis=1, kind="stable"), axis=1)
    for c in range(len(known.b)):
        own = t.f[right & (t.y == c)]
        if len(own) < 3:
            continue
        mean = own.mean(0)
        unlike = weibull_tail(np.linalg.norm(own - mean, axis=1), tail, weibull_shift)
        share = np.maximum(alpha - rank[:, c], 0) / alpha
        given[:, c] = q.f[:, c] * unlike(np.linalg.norm(q.f - mean, axis=1)) * share
    unknown = given.sum(1, keepdims=True)
    return -softmax(np.hstack([unknown, q.f - given]), axis=1)[:, 0]


# --- Of features, by distances and directions ---


def directions(h):
    length = np.linalg.norm(h, axis=1, keepdims=True)
    return h / np.where(length > 0, length, 1)


def gaussian(h, means, labels):
    """Of features less the mean of their class."""
    return EmpiricalCovariance(assume_centered=True).fit(h - means[labels])


def nearest_mean(covariance, means, h):
    """Squared Mahalanobis distance to the nearest of the means."""
    away = []
    for mean in means:
        covariance.location_ = mean
        away.append(covariance.mahalanobis(h))
    return np.min(away, axis=0)


def mds(known, q):
    t = known.train
    means = known.class_means(t.h, t.y)
    return -nearest_mean(gaussian(t.h, means, t.y), means, q.h)


def from_all(known, q):
    mean = known.train.h.mean(0, keepdims=True)
    return nearest_mean(gaussian(known.train.h, mean, np.zeros(len(known.train.y), int)), mean, q.h)


def rmds(known, q):
    return from_all(known, q) + mds(known, q)


def rmds_doubt(known, q):
    """A small difference of large distances keeps their last digits."""
    return 2**-21 * (from_all(known, q) - mds(known, q))


def knn(known, q, k):
    """faiss finds the neighbours, and a few more; their distances are then taken in double."""
    import faiss

    k = int(k)
    bank, asked = directions(known.train.h) + 1e-10, directions(q.h) + 1e-10
    index = faiss.IndexFlatL2(bank.shape[1])
    index.add(bank.astype(np.float32))
    near = index.search(asked.astype(np.float32), min(k + 8, len(bank)))[1]
    score = np.empty(len(asked))
    for i in range(0, len(asked), 1000):
        part = slice(i, i + 1000)
        away = ((asked[part, None] - bank[near[part]]) ** 2).sum(2)
        score[part] = -np.partition(away, k - 1, axis=1)[:, k - 1]
    return score


def outside(known, h, dim):
    """The point that no logit sees, and the directions that are not principal as seen from it."""
    origin = -np.linalg.pinv(known.w) @ known.b
    values, vectors = np.linalg.eigh(EmpiricalCovariance(assume_centered=True).fit(h - origin).covariance_)
    rest = vectors[:, np.argsort(-values)[int(dim):]]
    return lambda x: np.linalg.norm((x - origin) @ rest, axis=1)


def vim(known, q, dim):
    length = outside(known, known.train.h, dim)
    alpha = known.train.f.max(1).mean() / length(known.train.h).mean()
    return logsumexp(q.f, axis=1) - alpha * length(q.h)


def residual(known, q, dim, parity):
    return -outside(known, known.val.h if parity else known.train.h, dim)(q.h)


def she(known, q, metric):
    t = known.train
    right = t.guess == t.y
    chosen = right | ~np.isin(t.y, t.y[right])
    m = known.class_means(t.h[chosen], t.y[chosen])[q.guess]
    if metric == "euclidean":
        return -np.linalg.norm(q.h - m, axis=1)
    return ((directions(q.h) * directions(m)) if metric == "cosine" else q.h * m).sum(1)


def draws(seed, n):
    """The stream of a run's draws, by which it picks samples: SplitMix64's finaliser over counters."""
    low = 2**64 - 1

    def mix(z):
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & low
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & low
        return z ^ (z >> 31)

    def bits(s, i):
        return mix(mix(s + 0x9E3779B97F4A7C15 & low) + (i + 1) * 0x9E3779B97F4A7C15 & low)

    stream = mix(low ^ bits(seed, 5))
    return [bits(stream, i) >> 32 for i in range(n)]


def drawn_rows(seed, n, size):
    """The first steps of a shuffle of n rows."""
    row = np.arange(n)
    for i, bits in enumerate(draws(seed, size)):
        j = i + (bits * (n - i) >> 32)
        row[i], row[j] = row[j], row[i]
    return row[:size]


def nnguide(known, q, k, alpha, parity):
    t, n = known.train, len(known.train.y)
    if parity:  # whole batches of 200 from the front, until they are more than that share
        rows = np.arange(min(n, (int(alpha * n) // 200 + 1) * 200))
    else:
        rows = drawn_rows(known.seed, n, min(n, max(int(k), int(np.ceil(alpha * n)))))
    bank = (directions(t.h[rows]) + 1e-10) * logsumexp(t.f[rows], axis=1)[:, None]
    like = (directions(q.h) + 1e-10) @ bank.T
    return logsumexp(q.f, axis=1) * np.sort(like, axis=1)[:, -int(k):].mean(1)


def fdbd(known, q, by):
    guess, rows = q.guess, np.arange(len(q.h))
    apart = np.linalg.norm(known.w[:, None] - known.w[None], axis=2)[guess]
    ahead = np.abs(q.f - q.f[rows, guess][:, None])
    reach = np.divide(ahead, apart, out=np.zeros_like(ahead), where=apart > 1e-11).sum(1)
    return reach / np.linalg.norm(q.h - (known.train.h.mean(0) if by == "mean" else 0), axis=1)


def nci(known, q, alpha):
    away = q.h - known.train.h.mean(0)
    along = (known.w[q.guess] * away).sum(1) / np.linalg.norm(away, axis=1)
    return along + alpha * np.abs(q.h).sum(1)


def ties(known, q):
    def unit(h):
        return h / np.sqrt((h**2).sum(1, keepdims=True) + 1e-10)

    z, p = unit(known.train.h), softmax(known.train.f, axis=1)
    for i in range(0, len(q.h), 1000):
        part = slice(i, i + 1000)
        yield np.maximum(unit(q.h[part]) @ z.T, 0) * (softmax(q.f[part], axis=1) @ p.T)


WEAK = 0.03


def relation(known, q, power):
    return np.concatenate([np.where(t > WEAK, t if power == 1 else t**power, 0).sum(1) for t in ties(known, q)])


def relation_doubt(known, q, power):
    """A tie this close to the bound counts or not by its last digit."""
    return np.concatenate([(abs(t / WEAK - 1) < 1e-6).sum(1) * WEAK**power for t in ties(known, q)])


def delta_energy(known, q, top, tau, low, mode):
    s = np.sort(directions(q.h) @ directions(known.w).T, axis=1)[:, ::-1] / tau
    before, top, low = logsumexp(s, axis=1), int(top), low / tau

    def lowered(columns):
        changed = s.copy()
        changed[:, columns] = low
        return before - logsumexp(changed, axis=1)

    return lowered(range(top)) if mode == "joint" else np.mean([lowered([j]) for j in range(top)], axis=0)


# --- Of features that are changed, or a head that is ---


def react(known, q, percentile, **of):
    data = known.train if of["from"] == "train" else known.val
    return known.energy(np.minimum(q.h, np.percentile(data.h, percentile)))


def vra(known, q, q_hi, q_lo, low):
    most, least = np.percentile(known.val.h, [q_hi, q_lo])
    bounded = np.clip(q.h, least, most)
    return known.energy(bounded if low == "clip" else np.where(q.h < least, 0, bounded))


def dice(known, q, percentile):
    contribution = known.train.h.mean(0) * known.w
    kept = known.w * (contribution > np.percentile(contribution, percentile))
    return logsumexp(q.h @ kept.T + known.b, axis=1)


def line(known, q, p_w, p_a, delta):
    matters = known.w * known.class_means(known.train.h, known.train.y)  # [class, feature]
    clipped = np.minimum(q.h, delta)
    guess = (clipped @ known.w.T + known.b).argmax(1)
    score = np.empty(len(q.h))
    for c in range(len(known.b)):
        weight = np.abs(matters[c]) * known.w
        head = known.w * (weight > np.percentile(weight, p_w))
        active = matters[c] > np.percentile(matters[c], p_a)
        score[guess == c] = logsumexp((clipped[guess == c] * active) @ head.T + known.b, axis=1)
    return score


def strongest(h, percentile):
    """1 where a coordinate is among those that stay, which the lower one does in a tie."""
    n, d = h.shape
    kept = np.zeros_like(h)
    columns = np.argsort(-h, axis=1, kind="stable")[:, : d - round(d * percentile / 100)]
    kept[np.arange(n)[:, None], columns] = 1
    return kept


def shares(h, kept):
    return h.sum(1, keepdims=True), (h * kept).sum(1, keepdims=True)


def ash_p(known, q, percentile):
    return known.energy(q.h * strongest(q.h, percentile))


def ash_b(known, q, percentile):
    kept = strongest(q.h, percentile)
    return known.energy(kept * q.h.sum(1, keepdims=True) / kept.sum(1, keepdims=True))


def ash_s(known, q, percentile):
    kept = strongest(q.h, percentile)
    before, after = shares(q.h, kept)
    return known.energy(q.h * kept * np.exp(np.minimum(before / after, 80)))


def scale(known, q, percentile):
    before, after = shares(q.h, strongest(q.h, percentile))
    return known.energy(q.h * np.exp(np.minimum(before / after, 80)))


def gradnorm(known, q):
    """Every sample's gradient by PyTorch's autograd."""
    import torch

    w, b = torch.from_numpy(known.w), torch.from_numpy(known.b)

    def loss(weight, h):
        return -torch.log_softmax(h @ weight.T + b, 0).sum()

    of_each = torch.func.vmap(torch.func.grad(loss), (None, 0))
    parts = [of_each(w, h).abs().sum((1, 2)) for h in torch.from_numpy(q.h).split(1000)]
    return torch.cat(parts).numpy()


FORMULAS = {f.__name__: f for f in (
    msp, mls, ebo, temp_scaling, gen, klm, openmax, mds, rmds, knn, vim, residual, she, nnguide, fdbd, nci, relation,
    delta_energy, react, vra, dice, line, ash_p, ash_b, ash_s, scale, gradnorm)}

# How far apart two float32 scores of one sample may be and both be right, where that is
# more than a share of the score: by the formula, not by who computes it.
DOUBTS = {"rmds": rmds_doubt, "relation": relation_doubt}
