"""images.py PROGRAM - photographs of many sizes as JPEG and PNG, written by Pillow and imported by
`oodbench import` at 224 (shorter side to 256, the middle) as pixels, compared byte for byte with what
Pillow decodes, and resizes and cuts as torchvision does.

Needs numpy, h5py and Pillow before 13 (which filters tall images in another order). Writes to a folder
of its own, which it removes. Prints a line for each kind; ends non-zero when a byte differs.
"""
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import PIL
from PIL import Image

SIDE, SHORTER = 224, 256
SIZES = [(500, 375), (375, 500), (256, 256), (224, 224), (640, 427), (333, 500), (90, 61), (1600, 1200), (300, 901),
         (1000, 257), (64, 64), (257, 256)]
KINDS = [("jpeg", "RGB", dict(quality=90)), ("jpeg-444", "RGB", dict(quality=75, subsampling=0)),
         ("jpeg-progressive", "RGB", dict(quality=85, progressive=True)), ("jpeg-grey", "L", dict(quality=90)),
         ("jpeg-cmyk", "CMYK", dict(quality=90)), ("png", "RGB", {}), ("png-grey", "L", {}),
         ("png-palette", "P", {}), ("png-alpha", "RGBA", {})]


def photograph(w, h, rng):
    """Smooth, with edges and some noise."""
    small = rng.integers(0, 256, (max(2, h // 24), max(2, w // 24), 3), dtype=np.uint8)
    big = np.asarray(Image.fromarray(small).resize((w, h), Image.BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(big + rng.integers(-12, 13, (h, w, 3)), 0, 255).astype(np.uint8))


def shown(im):
    """Resize(256), CenterCrop(224) of torchvision on an image."""
    im = im.convert("RGB")
    w, h = im.size
    if w <= h:
        w, h = SHORTER, int(SHORTER * h / w)
    else:
        w, h = int(SHORTER * w / h), SHORTER
    if (w, h) != im.size:
        im = im.resize((w, h), Image.BILINEAR)
    left, top = int(round((w - SIDE) / 2.0)), int(round((h - SIDE) / 2.0))
    return np.asarray(im.crop((left, top, left + SIDE, top + SIDE)))


def differing(program, kind, mode, options, folder):
    rng = np.random.default_rng(0)
    lines, want = [], []
    for i, (w, h) in enumerate(SIZES):
        name = f"{kind}-{i}.{'jpg' if kind.startswith('jpeg') else 'png'}"
        photograph(w, h, rng).convert(mode).save(os.path.join(folder, name), **options)
        lines.append(f"{name} 0\n")
        want.append(shown(Image.open(os.path.join(folder, name))))
    listed, out = os.path.join(folder, kind + ".txt"), os.path.join(folder, kind + ".h5")
    with open(listed, "w") as f:
        f.writelines(lines)
    subprocess.run([program, "import", listed, folder, "--side", str(SIDE), "--resize", str(SHORTER), "-o", out],
                   check=True, stdout=subprocess.DEVNULL)
    with h5py.File(out) as f:
        found = f["test/x"][:]
    return int((found != np.stack(want)).any(axis=(1, 2, 3)).sum())


def main():
    if int(PIL.__version__.split(".")[0]) >= 13:
        sys.exit(f"images.py: Pillow {PIL.__version__} filters tall images in another order: take one before 13")
    program, bad = os.path.abspath(sys.argv[1]), 0
    with tempfile.TemporaryDirectory() as folder:
        for kind, mode, options in KINDS:
            n = differing(program, kind, mode, options, folder)
            bad += n
            print(f"{kind:18s} {len(SIZES)} images, {n} differ from Pillow {PIL.__version__}")
    sys.exit(bad != 0)


main()
