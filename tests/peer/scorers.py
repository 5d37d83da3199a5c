#!/usr/bin/env python3
"""scorers.py - every score that an experiment wrote against the same formula in numpy, scipy,
scikit-learn, faiss and torch (formulas.py), on the features that the program computed.

OUT is an experiment's folder, results/out/NAME: its results.csv and data.csv, the features in
cache/, the scores in scores/ (where they were not kept, AUROC alone is compared) and the
checkpoint's last layer are read. A score is off by its difference over the larger of its own
size and the spread of its set's scores. `float32`, for `pass`, says that a difference is larger
but lies in what float32 scores leave open: ties near 1, and what formulas.DOUBTS counts.

Near and far sets are compared, in f32; shifted sets are left out.

usage: scorers.py OUT [--weights FILE.safetensors] [SCORER ...]
Exit status: 0 all agree, 1 some do not, 2 nothing could be compared.
"""
import argparse
import csv
import glob
import os
import sys

sys.dont_write_bytecode = True  # nothing is left beside formulas.py

try:
    import h5py
    import numpy as np
    from safetensors.numpy import load_file
    from sklearn.metrics import roc_auc_score

    from formulas import DOUBTS, FORMULAS, Data, Known
except ImportError as e:
    print(f"scorers.py: {e}: pip install numpy scipy scikit-learn h5py safetensors, for all also faiss-cpu torch",
          file=sys.stderr)
    sys.exit(2)

SCORE_MOST, AUROC_MOST = 1e-5, 0.01  # relative; points of a hundred
VERDICTS = ("pass", "float32", "FAIL")  # each outweighs those before it
PACKAGES = {"faiss": "faiss-cpu"}


class Refused(Exception):
    """One line: what was expected, what was found, what to do."""


def rows_of(path):
    if not os.path.exists(path):
        raise Refused(f"{path}: no such file: expected the folder of an experiment, results/out/NAME")
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def number(text):
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def settings_of(text):
    pairs = [item.split("=", 1) for item in text.split(";") if item]
    return {key: number(value) for key, value in pairs if key != "searched"}


class Experiment:
    """What an output folder holds of one checkpoint."""

    def __init__(self, folder, row, weights):
        self.folder, self.row = folder, row
        tensors = load_file(weights or self.weights())
        heads = [name for name, t in tensors.items() if t.ndim == 2]
        if len(heads) != 1:
            raise Refused(f"{weights or self.weights()}: expected one matrix, the last layer's; found {len(heads)}")
        self.w = tensors[heads[0]].astype(float)
        self.b = tensors[heads[0].replace("weight", "bias")].astype(float)
        self.digests = {(r["set"], r["split"]): r["sha256"] for r in rows_of(os.path.join(folder, "data.csv"))}

    def weights(self):
        """Where the run's own cell file says they are."""
        cell = os.path.join(self.folder, "cache", self.row["run"] + ".yml")
        with open(cell) as f:
            path = next(line.split(": ", 1)[1].strip() for line in f if line.startswith("weights: "))
        if not path.endswith(".safetensors"):
            raise Refused(f"{path}: expected a .safetensors file: give one by --weights")
        return path

    def split(self, name, split):
        """The cached features of these images by this head: other checkpoints' do not fit their logits."""
        wanted = "images: " + self.digests[name, split]
        for path in sorted(glob.glob(os.path.join(self.folder, "cache", "features-*.h5"))):
            with h5py.File(path) as f:
                ingredients = f.attrs["ingredients"]
                text = ingredients.decode() if isinstance(ingredients, bytes) else str(ingredients)
                if wanted not in text.split("\n") or f["features"].shape[1] != self.w.shape[1]:
                    continue
                h, logits = f["features"][:].astype(float), f["logits"][:].astype(float)
                if np.allclose(h @ self.w.T + self.b, logits, rtol=1e-3, atol=1e-3):
                    return Data(h, logits, f["labels"][:].ravel().astype(int))
        raise Refused(f"{self.folder}/cache: no features of {name}/{split}: `oodbench run` computes them again")

    def known(self):
        name = self.row["id"]
        return Known(self.split(name, "train"), self.split(name, "val"), self.w, self.b, int(self.row["seed"]))

    def written(self, run, name):
        path = os.path.join(self.folder, "scores", run, name + ".h5")
        if not os.path.exists(path):
            return None
        with h5py.File(path) as f:
            return f["scores"][:].ravel().astype(float)


def auroc(inside, outside):
    truth = np.r_[np.ones(len(inside)), np.zeros(len(outside))]
    return 100 * roc_auc_score(truth, np.r_[inside, outside].astype(np.float32))


class Scored:
    """One set by one scorer: as the formula has it and as it was written (None: not kept)."""

    def __init__(self, ours, written, doubt):
        self.ours, self.written, self.doubt = ours, written, doubt

    def off(self, doubt=0):
        apart = np.maximum(np.abs(self.ours - self.written) - doubt, 0)
        return np.max(apart / np.maximum(np.abs(self.ours), np.std(self.ours)))

    def verdict(self):
        if self.written is None or self.off() <= SCORE_MOST:
            return "pass"
        return "float32" if self.off(self.doubt()) <= SCORE_MOST else "FAIL"


class Detected:
    """The AUROC of a set against the ID test set."""

    def __init__(self, inside, outside, written):
        self.inside, self.outside, self.written = inside, outside, written
        self.ours = auroc(inside, outside)

    def verdict(self):
        """If need be with all that float32 can hardly tell apart fallen one way, or the other."""
        if abs(self.ours - self.written) <= AUROC_MOST:
            return "pass"
        hair = 2 * np.finfo(np.float32).eps * np.abs(self.outside)
        low, high = auroc(self.inside, self.outside + hair), auroc(self.inside, self.outside - hair)
        return "float32" if low - AUROC_MOST <= self.written <= high + AUROC_MOST else "FAIL"


class Table:
    def __init__(self, width):
        self.width, self.count = width, dict.fromkeys(VERDICTS, 0)
        self.line("scorer", "set", "samples", "scores off by", "AUROC", "written", "off by", "")

    def line(self, label, name, *cells):
        columns = "".join(f"{c:>{w}s}" for c, w in zip(cells, (8, 15, 10, 10, 9)))
        print(f"{label:{self.width}s}  {name:12s}{columns}  {cells[-1]}".rstrip(), flush=True)

    def row(self, label, name, scored, detected=None):
        cells = [str(len(scored.ours)), "not kept" if scored.written is None else f"{scored.off():.1e}"]
        cells += [f"{detected.ours:.4f}", f"{detected.written:.4f}", f"{abs(detected.ours - detected.written):.4f}"
                  ] if detected else ["", "", ""]
        both = [scored.verdict()] + ([detected.verdict()] if detected else [])
        verdict = max(both, key=VERDICTS.index)
        self.count[verdict] += 1
        self.line(label, name, *cells, verdict)


class Checkpoint:
    """Its sets, read once for all of its scorers."""

    def __init__(self, folder, row, weights):
        self.of = Experiment(folder, row, weights)
        self.known, self.sets = self.of.known(), {}

    def data(self, name):
        if name not in self.sets:
            self.sets[name] = self.of.split(name, "test")
        return self.sets[name]

    def scored(self, row, name):
        data, scorer, settings = self.data(name), scorer_of(row), settings_of(row["score_params"])
        ours, written = FORMULAS[scorer](self.known, data, **settings), self.of.written(row["run"], name)
        if written is not None and len(written) != len(ours):
            raise Refused(f"scores of {name}: expected {len(ours)}, as many as features; found {len(written)}")
        doubt = DOUBTS.get(scorer, lambda known, q, **_: 0)
        return Scored(ours, written, lambda: doubt(self.known, data, **settings))

    def compare(self, table, rows):
        """One scorer: the ID test set first, then every set against it."""
        inside = self.scored(rows[0], rows[0]["id"])
        if inside.written is not None:
            table.row(label_of(rows[0]), rows[0]["id"], inside)
        for i, row in enumerate(rows):
            outside = self.scored(row, row["ood"])
            label = label_of(row) if i == 0 and inside.written is None else ""
            table.row(label, row["ood"], outside, Detected(inside.ours, outside.ours, float(row["auroc"])))


def scorer_of(row):
    return row["score"].split()[0]  # what follows says that it is a reconstruction


def label_of(row):
    return f"{scorer_of(row)} {row['score_params']}".strip()


def runs_of(args):
    """The rows to compare by their run, and the scorers that no formula is here for."""
    runs, left = {}, set()
    for name in args.scorers:
        if name not in FORMULAS:
            raise Refused(f"{name}: expected a scorer of features and logits, one of {' '.join(FORMULAS)}")
    for row in rows_of(os.path.join(args.folder, "results.csv")):
        if args.scorers and scorer_of(row) not in args.scorers:
            continue
        if scorer_of(row) not in FORMULAS:
            left.add(f"{scorer_of(row)} (looks at images)")
        elif row["status"] == "ok" and row["group"] in ("near", "far") and row["precision"] == "f32":
            runs.setdefault(row["run"], []).append(row)
    if not runs:
        wanted = ", ".join(args.scorers) or "scorers that need features and logits alone"
        raise Refused(f"{args.folder}/results.csv: expected rows in f32 of {wanted}, found none")
    return list(runs.values()), left


def check(args):
    runs, left = runs_of(args)
    table, of, checkpoint = Table(max(len(label_of(rows[0])) for rows in runs)), None, None
    for rows in runs:
        try:
            if of != (of := [rows[0][k] for k in ("net", "weights", "train", "train_params", "seed")]):
                checkpoint = Checkpoint(args.folder, rows[0], args.weights)
            checkpoint.compare(table, rows)
        except ModuleNotFoundError as e:
            left.add(f"{label_of(rows[0])} ({e.name} is missing: pip install {PACKAGES.get(e.name, e.name)})")
    if left:
        print(f"left out: {', '.join(sorted(left))}")
    print(f"{table.count['pass']} agree, {table.count['float32']} as far as float32 can tell, "
          f"{table.count['FAIL']} do not: scores to {SCORE_MOST:g} of their size, AUROC to {AUROC_MOST:g} points")
    return 1 if table.count["FAIL"] else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("folder")
    parser.add_argument("--weights", help="the checkpoint, if it is not where the run found it")
    parser.add_argument("scorers", nargs="*")
    try:
        return check(parser.parse_args())
    except (Refused, OSError) as e:
        print(f"scorers.py: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
