"""formats.py PROGRAM - image sets written by others (pickle, struct, gzip, numpy, scipy, h5py, Pillow,
tarfile, zipfile), imported by `oodbench import` and compared byte for byte with what was written.

Needs numpy, scipy, h5py and Pillow. Writes to a folder of its own, which it removes. Prints a line for
each set; ends non-zero when one differs, is refused, or is imported a second time.
"""
import gzip
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import h5py
import numpy as np
import scipy.io
from PIL import Image

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
N = 40
TRAIN, TEST = slice(0, 30), slice(30, N)
BATCHES = [(f"data_batch_{i + 1}", slice(6 * i, 6 * i + 6)) for i in range(5)] + [("test_batch", TEST)]
HALVES = [("train", TRAIN), ("test", TEST)]

rng = np.random.default_rng(0)
x = rng.integers(0, 256, (N, 32, 32, 3), dtype=np.uint8)
y = np.arange(N) % 10
grey = np.repeat(x[..., :1], 3, axis=3)
planes = np.ascontiguousarray(x.transpose(0, 3, 1, 2).reshape(N, 3072))
by_class = np.lexsort((np.arange(N), [NAMES[k] for k in y]))


def put(path, content):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def cifar_binary():
    for name, s in BATCHES:
        put(f"cifar-10-batches-bin/{name}.bin", b"".join(bytes([l]) + p.tobytes() for l, p in zip(y[s], planes[s])))
    put("cifar-10-batches-bin/batches.meta.txt", "\n".join(NAMES).encode())
    for name, s in HALVES:
        put(f"cifar-100-binary/{name}.bin", b"".join(bytes([3, l]) + p.tobytes() for l, p in zip(y[s], planes[s])))
    put("cifar-100-binary/fine_label_names.txt", "\n".join(NAMES).encode())


def cifar_pickles(protocol):
    def save(path, content):
        put(f"py{protocol}/{path}", pickle.dumps(content, protocol=protocol))

    for name, s in BATCHES:
        save(f"cifar-10-batches-py/{name}", {"labels": y[s].tolist(), "data": planes[s], "filenames": ["a.png"]})
    save("cifar-10-batches-py/batches.meta", {"label_names": NAMES, "num_vis": 3072})
    for name, s in HALVES:
        save(f"cifar-100-python/{name}", {b"fine_labels": y[s].tolist(), b"coarse_labels": [0], b"data": planes[s]})
    save("cifar-100-python/meta", {"fine_label_names": NAMES})


def idx(a):
    return struct.pack(f">BBBB{a.ndim}I", 0, 0, 8, a.ndim, *a.shape) + a.tobytes()


def mnist():
    for name, s in [("train", TRAIN), ("t10k", TEST)]:
        for kind, a in [("images-idx3", x[s, ..., 0]), ("labels-idx1", y[s].astype(np.uint8))]:
            put(f"mnist/{name}-{kind}-ubyte", idx(a))
            put(f"mnistgz/{name}-{kind}-ubyte.gz", gzip.compress(idx(a)))


def arrays():
    np.savez("plain.npz", images=x, labels=y)
    np.savez_compressed("packed.npz", x_train=x[TRAIN], y_train=y[TRAIN], x_test=x[TEST], y_test=y[TEST, None])
    digits = np.where(y == 0, 10, y)[:, None]  # as SVHN
    svhn = np.ascontiguousarray(x.transpose(1, 2, 3, 0))
    scipy.io.savemat("packed.mat", {"X": svhn, "y": digits.astype(np.uint8)}, do_compression=True)
    scipy.io.savemat("plain.mat", {"X": svhn, "y": digits.astype(float)})
    scipy.io.savemat("nhwc.mat", {"note": "text", "images": x, "labels": y.astype(np.int32)}, do_compression=True)
    with h5py.File("halves.h5", "w") as f:
        for name, s in HALVES:
            f[f"x_{name}"], f[f"{name}_labels"] = x[s], y[s]
    with h5py.File("chunked.h5", "w") as f:
        f.create_dataset("a/photos", data=x.transpose(0, 3, 1, 2), chunks=(7, 3, 16, 16), compression="gzip")
        f.create_dataset("a/kinds", data=y.astype(">i2"))
    with h5py.File("v73.mat", "w", userblock_size=512) as f:
        for name, a, kind in [("X", x.transpose(0, 3, 2, 1), "uint8"), ("y", digits.T.astype(float), "double")]:
            f.create_dataset(name, data=a, compression="gzip").attrs["MATLAB_class"] = np.bytes_(kind)


def pictures():
    for i in range(N):
        for root in ["tree", "split/train", "split/test"]:
            path = f"{root}/{NAMES[y[i]]}/{i:03}.png"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Image.fromarray(x[i]).save(path)
    for name, form in [("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)]:
        with tarfile.open(f"{name}.tar", "w", format=form) as t:
            t.add("tree", "tree" if name == "ustar" else "./" + "long" * 40 + "/tree")
    os.mkdir("tars")
    with tarfile.open("nested.tar", "w") as t:
        for name in NAMES:
            with tarfile.open(f"tars/{name}.tar", "w") as inner:
                for file in sorted(os.listdir(f"tree/{name}")):
                    inner.add(f"tree/{name}/{file}", file)
            t.add(f"tars/{name}.tar", f"{name}.tar")
    with zipfile.ZipFile("zipped.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for folder, _, files in os.walk("tree"):
            for file in files:
                z.write(os.path.join(folder, file))


def lists():
    """PATH LABEL a line: PNG in a folder, stored and deflated zips; JPEG of another size, which Pillow makes smaller."""
    shown = []
    for i in range(N):
        os.makedirs("images/photos", exist_ok=True)
        im = Image.fromarray(x[i]).resize((70, 64), Image.BICUBIC)
        im.save(f"images/photos/a b {i}.jpg", quality=90, subsampling=i % 3)
        im = Image.open(f"images/photos/a b {i}.jpg").resize((35, 32), Image.BILINEAR)
        shown.append(np.asarray(im.crop((2, 0, 34, 32))))  # round(3 / 2), to even
    shutil.copytree("tree", "images/loose")
    for name, how in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
        with zipfile.ZipFile(f"images/{name}.zip", "w", how) as z:
            for i in range(N):
                z.write(f"tree/{NAMES[y[i]]}/{i:03}.png", f"{name}/{NAMES[y[i]]}/{i:03}.png")
    for name in ["loose", "stored", "deflated"]:
        put(f"{name}.txt", "".join(f"{name}/{NAMES[y[i]]}/{i:03}.png {y[i]}\n" for i in range(N)).encode())
    put("photos.txt", "".join(f"photos/a b {i}.jpg {y[i]}\r\n" for i in range(N)).encode())
    return np.stack(shown)


def corruptions():
    """As CIFAR-10-C: five severities one after the other, labels repeated."""
    os.mkdir("c")
    np.save("single.npy", x)
    np.save("c/brightness.npy", np.concatenate([x ^ k for k in range(5)]))
    np.save("c/labels.npy", np.tile(y, 5))


def write_all():
    cifar_binary()
    for protocol in range(2, 6):
        cifar_pickles(protocol)
    mnist()
    arrays()
    pictures()
    corruptions()
    shown = lists()
    for folder in ["cifar-10-batches-bin", "cifar-100-binary", "py2/cifar-10-batches-py", "tree"]:
        with tarfile.open(os.path.basename(folder) + ".tar.gz", "w:gz") as t:
            t.add(folder, os.path.basename(folder))
    return shown


def cases(shown):
    halves = {"train": (x[TRAIN], y[TRAIN]), "test": (x[TEST], y[TEST])}
    whole, outside = {"test": (x, y)}, {"test": (x, np.full(N, -1))}
    digits = {"train": (grey[TRAIN], y[TRAIN]), "test": (grey[TEST], y[TEST])}
    folders = {"test": (x[by_class], y[by_class])}
    for path in ["cifar-10-batches-bin", "cifar-100-binary", "cifar-10-batches-bin.tar.gz", "cifar-100-binary.tar.gz",
                 "cifar-10-batches-py.tar.gz", "packed.npz", "halves.h5"]:
        yield path, [], halves
    for protocol in range(2, 6):
        yield f"py{protocol}/cifar-10-batches-py", [], halves
        yield f"py{protocol}/cifar-100-python", [], halves
    yield "mnist", [], digits
    yield "mnistgz", [], digits
    yield "mnistgz/t10k-images-idx3-ubyte.gz", [], {"test": digits["test"]}
    for path in ["plain.npz", "packed.mat", "plain.mat", "nhwc.mat", "v73.mat"]:
        yield path, [], whole
        yield path, ["--group", "far"], outside
    yield "chunked.h5", ["--images", "a/photos", "--labels", "a/kinds"], whole
    for path in ["tree", "ustar.tar", "gnu.tar", "pax.tar", "tree.tar.gz", "tars", "nested.tar", "zipped.zip"]:
        yield path, [], folders
    yield "split", [], {"train": folders["test"], "test": folders["test"]}
    for name in ["loose", "stored", "deflated"]:
        yield f"{name}.txt", ["images"], whole
    yield "photos.txt", ["images", "--resize", "32"], {"test": (shown, y)}
    yield "single.npy", ["--npy"], outside
    yield "c", ["--npy"], {f"brightness_{k + 1}": (x ^ k, y) for k in range(5)}


def run(program, path, extra):
    words = ["--npy", path] if extra == ["--npy"] else [path, *extra]
    r = subprocess.run([program, "import", *words, "-o", "out.h5"], capture_output=True, text=True)
    return r.stdout if r.returncode == 0 else r.stderr


def check(program, path, extra, want):
    if os.path.exists("out.h5"):
        os.remove("out.h5")
    said = run(program, path, extra)
    if not os.path.exists("out.h5"):
        return said.strip()
    with h5py.File("out.h5") as f:
        if sorted(f) != sorted(want):
            return f"splits {sorted(f)}"
        for split, (images, labels) in want.items():
            if not np.array_equal(f[split]["x"], images) or not np.array_equal(f[split]["y"], labels):
                return f"{split} differs"
    if extra[:1] in (["images"], ["--npy"]):  # what these forms make is made each time
        return ""
    return "" if "up to date" in run(program, path, extra) else "imported a second time"


def main():
    program, bad = os.path.abspath(sys.argv[1]), 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        shown = write_all()
        for path, extra, want in cases(shown):
            wrong = check(program, path, extra, want)
            bad += bool(wrong)
            print(f"{path:36} {' '.join(extra):40} {wrong or 'equal'}")
        os.chdir("/")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
