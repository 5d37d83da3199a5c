#!/usr/bin/env python3
"""clip.py PROGRAM - features of a made-up CLIP model, in the files that people publish (HDF5, .npz,
a folder of .npy, .safetensors), as they come and normalised, scored by `oodbench score --cosine` and
compared with numpy in double: delta_energy, msp (at --cosine 1 it is MCM at temperature 1) and mls.

Needs numpy, h5py and safetensors. Writes to a folder of its own, which it removes. A score is off by
its difference over the larger of its own size and the spread of its set's scores. Where sums are in
double (ref) it may be off by 1e-5. Elsewhere a cosine is a sum of 512 products in float32, off by
some 6e-7, and is multiplied by 100 before it goes into an exponential: by 1e-4.
Exit status: 0 all agree, 1 some do not, 2 nothing could be compared.
"""
import os
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    from safetensors.numpy import save_file
except ImportError as e:
    print(f"clip.py: {e}: pip install numpy h5py safetensors", file=sys.stderr)
    sys.exit(2)

MOST = {"ref": 1e-5, "cpu": 1e-4}
CLASSES, WIDTH = 100, 512
SETS = {"test": 300, "far_sun": 200, "near_birds": 150}

rng = np.random.default_rng(0)
texts = rng.normal(size=(CLASSES, WIDTH)) + 2  # as of CLIP: all in one cone
labels = rng.integers(0, CLASSES, SETS["test"])
images = {name: rng.normal(size=(n, WIDTH)) + 2 for name, n in SETS.items()}
images["test"] += 0.6 * texts[labels]


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def lse(z):
    most = z.max(axis=1, keepdims=True)
    return np.log(np.exp(z - most).sum(axis=1)) + most[:, 0]


def msp(s, scale):
    return np.exp(scale * s.max(axis=1) - lse(scale * s))


def mls(s, scale):
    return scale * s.max(axis=1)


def delta_energy(s, top, tau, mode):
    order = -np.sort(-s, axis=1)
    lowered = [range(top)] if mode == "joint" else [[j] for j in range(top)]
    changes = []
    for which in lowered:
        after = order.copy()
        after[:, list(which)] = 0
        changes.append(lse(order / tau) - lse(after / tau))
    return np.mean(changes, axis=0)


# Options of a run, the score that it keeps, and the same in numpy.
RUNS = [
    (["--cosine", "100", "--score", "msp"], lambda s: msp(s, 100)),
    (["--cosine", "1", "--score", "msp"], lambda s: msp(s, 1)),
    (["--cosine", "100", "--score", "mls"], lambda s: mls(s, 100)),
    (["--cosine", "100", "--score", "delta_energy"], lambda s: delta_energy(s, 1, 0.01, "joint")),
    (["--cosine", "100", "--score", "delta_energy", "--delta_energy.top", "5", "--delta_energy.tau", "0.1"],
     lambda s: delta_energy(s, 5, 0.1, "joint")),
    (["--cosine", "100", "--score", "delta_energy", "--delta_energy.top", "5", "--delta_energy.mode", "mean"],
     lambda s: delta_energy(s, 5, 0.01, "mean")),
]


def write_hdf(path, arrays):
    with h5py.File(path + ".h5", "w") as f:
        for name, a in arrays.items():
            f[name.replace("far_", "far/").replace("near_", "near/").replace("_image_", "/image_")] = a
    return path + ".h5"


def write_npz(path, arrays):
    np.savez(path + ".npz", **arrays)
    return path + ".npz"


def write_folder(path, arrays):
    os.makedirs(path)
    for name, a in arrays.items():
        np.save(f"{path}/{name}.npy", a)
    return path


def write_safetensors(path, arrays):
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, path + ".safetensors")
    return path + ".safetensors"


# How it is written, in which type, whether rows are of length one, and the names people give.
LAYOUTS = [
    (write_hdf, np.float32, False, "image_features", "text_features"),
    (write_npz, np.float16, True, "image_features", "text_features"),
    (write_folder, np.float64, False, "image_embeddings", "text_embeddings"),
    (write_safetensors, np.float32, True, "image_embeds", "text_embeds"),
    (write_npz, np.float32, False, "features", "head_weight"),
]


def run(program, path, out, options):
    done = subprocess.run([program, "score", path, "--out", out, *options],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{os.path.basename(path)} {' '.join(options)}: {done.stderr.strip()}")


def scores_of(out, name):
    """The one run's scores of a set, whatever its folder is called."""
    (folder,) = os.listdir(f"{out}/scores")
    with h5py.File(f"{out}/scores/{folder}/{name}.h5") as f:
        (only,) = f.keys()
        return f[only][()].astype(float).ravel()


def check(program, folder, k, layout):
    write, kind, whole, image_name, text_name = layout
    made = {name: (unit(x) if whole else x).astype(kind) for name, x in images.items()}
    head = (unit(texts) if whole else texts).astype(kind)
    arrays = {f"{name}_{image_name}": x for name, x in made.items()}
    path = write(f"{folder}/clip{k}", {**arrays, "test_labels": labels, text_name: head})
    worst = dict.fromkeys(MOST, 0)
    for i, (options, formula) in enumerate(RUNS):
        for device in MOST:
            out = f"{folder}/out{k}-{i}-{device}"
            run(program, path, out, [*options, "--device", device])
            for name, x in made.items():
                want = formula(unit(x.astype(float)) @ unit(head.astype(float)).T)
                got = scores_of(out, name.split("_")[-1])
                size = np.maximum(np.abs(want), np.ptp(want))
                worst[device] = max(worst[device], np.max(np.abs(got - want) / size))
    good = all(worst[device] <= most for device, most in MOST.items())
    print(f"{'pass' if good else 'FAIL'}  {' '.join(f'{d} {e:.1e}' for d, e in worst.items())}  "
          f"{os.path.basename(path):17} {np.dtype(kind).name:8} {'normalised' if whole else 'as it is':10} "
          f"{image_name}, {text_name}", flush=True)
    return good


def main():
    if len(sys.argv) != 2:
        print("usage: clip.py PROGRAM", file=sys.stderr)
        return 2
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        try:
            good = [check(program, folder, k, layout) for k, layout in enumerate(LAYOUTS)]
        except (OSError, RuntimeError) as e:
            print(f"clip.py: {e}", file=sys.stderr)
            return 2
    return 0 if all(good) else 1


sys.exit(main())
