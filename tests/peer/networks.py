#!/usr/bin/env python3
"""networks.py - every network of oodbench beside its PyTorch original, layer by layer.

Each network is built here (torchvision's own where it is installed; the others after their papers,
with OpenOOD's names), given random weights and running statistics, and saved by torch.save() in
the layout of now and in the older one, under one of the names and prefixes that people's files have.
`oodbench convert` must make the same .safetensors of both; `oodbench trace` must yield, from the
original's file, what forward hooks record of every convolution and stage in float64, to a relative error
(Euclidean) of 1e-5.

usage: networks.py [--program build/oodbench] [--device NAME] [NETWORK ...]
"""
import argparse
import collections
import copy
import os
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    from safetensors.torch import load_file
    from torch import nn
    from torch.nn import functional as F
except ImportError as e:
    sys.exit(f"networks.py: {e}: the comparison with PyTorch is left out")

MOST = 1e-5


def conv(c, k, window, stride=1):
    return nn.Conv2d(c, k, window, stride, window // 2, bias=False)


class Basic(nn.Module):
    """shortcut: "shortcut" or "downsample", a 1x1 convolution; "": every second pixel and zeros."""

    def __init__(self, c, k, stride, shortcut):
        super().__init__()
        self.conv1, self.bn1 = conv(c, k, 3, stride), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = conv(k, k, 3), nn.BatchNorm2d(k)
        self.changes, self.stride, self.wider, self.name = stride != 1 or c != k, stride, k - c, shortcut
        if shortcut and self.changes:
            setattr(self, shortcut, nn.Sequential(conv(c, k, 1, stride), nn.BatchNorm2d(k)))

    def around(self, x):
        if not self.changes:
            return x
        if self.name:
            return getattr(self, self.name)(x)
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.wider // 2, self.wider // 2))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.around(x))


class Bottleneck(nn.Module):
    def __init__(self, c, k, stride, _):
        super().__init__()
        self.conv1, self.bn1 = conv(c, k, 1), nn.BatchNorm2d(k)
        self.conv2, self.bn2 = conv(k, k, 3, stride), nn.BatchNorm2d(k)
        self.conv3, self.bn3 = conv(k, 4 * k, 1), nn.BatchNorm2d(4 * k)
        self.downsample = None
        if stride != 1 or c != 4 * k:
            self.downsample = nn.Sequential(conv(c, 4 * k, 1, stride), nn.BatchNorm2d(4 * k))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    """`first`: the first convolution's window; of 7, it halves and a pooling halves again."""

    def __init__(self, first, block, widths, blocks, shortcut, head, classes):
        super().__init__()
        c = 64 if len(widths) == 4 else widths[0]
        self.conv1, self.bn1 = conv(3, c, first, 2 if first == 7 else 1), nn.BatchNorm2d(c)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if first == 7 else nn.Identity()
        self.stages = len(widths)
        for i, (width, repeat) in enumerate(zip(widths, blocks)):
            row = []
            for j in range(repeat):
                row.append(block(c, width, 2 if i and not j else 1, shortcut))
                c = 4 * width if block is Bottleneck else width
            setattr(self, f"layer{i + 1}", nn.Sequential(*row))
        self.head = head
        setattr(self, head, nn.Linear(c, classes))

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        for i in range(self.stages):
            x = getattr(self, f"layer{i + 1}")(x)
        return getattr(self, self.head)(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Wide(nn.Module):
    def __init__(self, c, k, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c), conv(c, k, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(k), conv(k, k, 3)
        self.convShortcut = conv(c, k, 1, stride) if c != k else None

    def forward(self, x):
        first = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(first))))
        return y + (self.convShortcut(first) if self.convShortcut else x)


class Dense(nn.Module):
    def __init__(self, c, growth):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c), conv(c, 4 * growth, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(4 * growth), conv(4 * growth, growth, 3)

    def forward(self, x):
        return torch.cat([x, self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))], 1)


class Transition(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c), conv(c, c // 2, 1)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)


class Row(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.layer = nn.Sequential(*blocks)

    def forward(self, x):
        return self.layer(x)


class PreActivated(nn.Module):
    """Wide ResNets and DenseNets of 32x32: convolution, rows, normalisation, pooling."""

    def __init__(self, first, rows, width, classes):
        super().__init__()
        self.conv1 = conv(3, first, 3)
        self.rows = list(rows)
        for name, row in rows.items():
            setattr(self, name, row)
        self.bn1, self.fc = nn.BatchNorm2d(width), nn.Linear(width, classes)

    def forward(self, x):
        x = self.conv1(x)
        for name in self.rows:
            x = getattr(self, name)(x)
        return self.fc(F.avg_pool2d(F.relu(self.bn1(x)), 8).flatten(1))


def wide_resnet(blocks, factor, classes):
    rows, c = {}, 16
    for i in range(3):
        k = 16 * factor << i
        rows[f"block{i + 1}"] = Row([Wide(c if j == 0 else k, k, 2 if i and not j else 1) for j in range(blocks)])
        c = k
    return PreActivated(16, rows, c, classes)


def densenet_100_12(classes):
    rows, c = {}, 24
    for i in range(3):
        rows[f"block{i + 1}"] = Row([Dense(c + 12 * j, 12) for j in range(16)])
        c += 16 * 12
        if i < 2:
            rows[f"trans{i + 1}"] = Transition(c)
            c //= 2
    return PreActivated(24, rows, c, classes)


def torchvision_net(name, classes, otherwise=None):
    try:
        import torchvision
    except ImportError:
        if otherwise:
            return otherwise()
        raise
    return getattr(torchvision.models, name)(weights=None, num_classes=classes)


def cifar(blocks):
    return lambda k: ResNet(3, Basic, [16, 32, 64], [blocks] * 3, "", "linear", k)


def small(k):
    return ResNet(3, Basic, [64, 128, 256, 512], [2, 2, 2, 2], "shortcut", "fc", k)


def large(name, block, blocks):
    def own(k):
        return ResNet(7, block, [64, 128, 256, 512], blocks, "downsample", "fc", k)

    return lambda k: torchvision_net(name, k, lambda: own(k))


# Of a state dict: what people's files look like.
def plain(s):
    return s


def parallel(s):
    return {"epoch": 7, "best": 0.5, "state_dict": {f"module.{k}": v for k, v in s.items()}}


def lightning(s):
    return {"state_dict": {f"model.{k}": v for k, v in s.items()}, "epoch": 3}


def compiled(s):
    return {"net": {f"module._orig_mod.{k}": v for k, v in s.items()}, "acc": 93.1}


def kuangliu(s):
    """pytorch-cifar's name for the head."""
    return {"net": {k.replace("fc.", "linear."): v for k, v in s.items()}}


def downsampled(s):
    return {"model": {k.replace("shortcut.", "downsample."): v for k, v in s.items()}}


def dotted(s):
    """torchvision's DenseNets as its published files still have them."""
    new = {}
    for k, v in s.items():
        if "denselayer" in k:
            for word in ("norm", "conv"):
                for i in "12":
                    k = k.replace(f".{word}{i}.", f".{word}.{i}.")
        new[k] = v
    return new


# name: side, classes, how it is built, how its file is dressed up, whether --net has to tell
NETWORKS = {
    "resnet20": (32, 10, cifar(3), [parallel, plain], False),
    "resnet32": (32, 10, cifar(5), [plain], False),
    "resnet44": (32, 10, cifar(7), [plain], False),
    "resnet56": (32, 100, cifar(9), [compiled], False),
    "resnet18-32": (32, 10, small, [plain, kuangliu, downsampled], True),
    "resnet18-64": (64, 200, small, [parallel], True),
    "resnet18-224": (224, 200, large("resnet18", Basic, [2, 2, 2, 2]), [plain, lightning], False),
    "resnet34-224": (224, 1000, large("resnet34", Basic, [3, 4, 6, 3]), [plain], False),
    "resnet50-224": (224, 1000, large("resnet50", Bottleneck, [3, 4, 6, 3]), [plain, parallel], False),
    "wrn-40-2": (32, 10, lambda k: wide_resnet(6, 2, k), [plain], False),
    "wrn-28-10": (32, 100, lambda k: wide_resnet(4, 10, k), [parallel], False),
    "densenet-100-12": (32, 10, densenet_100_12, [parallel, kuangliu], False),
    "densenet-121": (224, 1000, lambda k: torchvision_net("densenet121", k), [plain, dotted], False),
}


def stir(net, seed):
    """Normalisation that does something, with shifts of one to three deviations up or down: around zero, ReLUs
    that tip over make the rounding of what came before grow from layer to layer, PyTorch's like ours."""
    g = torch.Generator().manual_seed(seed)
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            for t, low, high in ((m.weight, 0.5, 1.2), (m.bias, 1, 3), (m.running_mean, -0.2, 0.2),
                                 (m.running_var, 0.5, 1.5)):
                t.data.copy_(torch.rand(t.shape, generator=g) * (high - low) + low)
            m.bias.data *= 2 * torch.randint(0, 2, m.bias.shape, generator=g) - 1
            m.num_batches_tracked.fill_(seed + 3)


def settle(net, x):
    """Running statistics near those of the images: once with batch statistics, then stirred a little."""
    g = torch.Generator().manual_seed(9)
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = None
            m.reset_running_stats()
    net.train()
    with torch.no_grad():
        net(x)
    net.eval()
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean += 0.1 * torch.rand(m.running_mean.shape, generator=g) * m.running_var.sqrt()
            m.running_var *= 0.8 + 0.4 * torch.rand(m.running_var.shape, generator=g)


def hooked(net, x):
    """What comes out of every module, by its name; of `features.X` also by X."""
    seen = collections.OrderedDict()

    def keep(name):
        def hook(_, given, out):
            seen[name] = out.detach().clone()  # ReLUs that follow may be in place
            if torch.is_tensor(given[0]):
                seen[name + "<"] = given[0].detach().clone()

        return hook

    for name, m in net.named_modules():
        if name:
            m.register_forward_hook(keep(name))
    with torch.no_grad():
        seen["head"] = net(x)
    return seen


def stage(seen, name, head):
    """The original's tensor for one of our stages."""
    if name == "pool":  # what the head takes
        return seen[head + "<"]
    if name == "stem":  # what the first row takes
        row = next(k for k in seen if k.endswith("<") and k.split(".")[-1].split("<")[0] in
                   ("layer1", "block1", "denseblock1"))
        return seen[row]
    return seen[name] if name in seen else seen[f"features.{name}"]


def run(program, *args):
    done = subprocess.run([program, *args], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"networks.py: {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout.strip()


def compare(ours, seen, head):
    worst, where = 0, ""
    for name, t in ours.items():
        want = stage(seen, name, head)
        if want.shape != t.shape:
            return 1, f"{name} is {list(t.shape)}, {list(want.shape)} there"
        apart = float((t.double() - want.double()).norm() / want.double().norm())
        if not apart <= worst:
            worst, where = apart, name
    return worst, where


def check_files(args, name, folder, state, dressings, tell):
    """Every dressing in both layouts becomes the same file but for its metadata; returns the first."""
    first = None
    for dress in dressings:
        for new in (True, False):
            path = os.path.join(folder, f"{dress.__name__}-{'new' if new else 'old'}.pth")
            torch.save(dress(state), path, _use_new_zipfile_serialization=new)
            out = os.path.join(folder, "out.safetensors")
            run(args.program, "convert", path, *(["--net", name] if tell else []), "-o", out)
            found = load_file(out)
            lacking = {k for k in state if "num_batches" not in k} ^ set(found)
            if lacking or any(not torch.equal(found[k], state[k]) for k in found):
                sys.exit(f"networks.py: {name}: {path} was converted wrongly: {sorted(lacking)[:3]}")
            first = first or path
    return first


def check(args, name):
    side, classes, build, dressings, tell = NETWORKS[name]
    torch.manual_seed(5)
    net = build(classes)
    stir(net, 1)
    x = torch.randn(2, 3, side, side)
    settle(net, x)
    seen = hooked(copy.deepcopy(net).double(), x.double())
    theirs = hooked(net, x)
    head = [k for k, m in net.named_modules() if isinstance(m, nn.Linear)][-1]
    with tempfile.TemporaryDirectory() as folder:
        first = check_files(args, name, folder, net.state_dict(), dressings, tell)
        numpy.save(os.path.join(folder, "x.npy"), x.numpy())
        out = os.path.join(folder, "trace.safetensors")
        run(args.program, "trace", first, os.path.join(folder, "x.npy"), "--device", args.device, "-o", out)
        ours = load_file(out)
    worst, where = compare(ours, seen, head)
    own, _ = compare({k: stage(theirs, k, head) for k in ours}, seen, head)
    convolutions = sum(isinstance(m, nn.Conv2d) for m in net.modules())
    traced = sum(k in seen and k != "head" and isinstance(dict(net.named_modules())[k], nn.Conv2d) for k in ours)
    good = worst <= MOST and traced == convolutions
    kind = type(net).__module__.split(".")[0]
    parameters = sum(p.numel() for p in net.parameters())
    print(f"{'ok  ' if good else 'FAIL'} {name:16s} {parameters:9d} parameters, {traced} of {convolutions} convolutions, "
          f"{len(ours) - traced} stages: at most {worst:.1e} off, at {where}, PyTorch's {own:.1e} ({kind}; {2 * len(dressings)} files)",
          flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("--program", default="build/oodbench")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("networks", nargs="*", default=[])
    args = parser.parse_args()
    for name in args.networks:
        if name not in NETWORKS:
            sys.exit(f"networks.py: there is no network {name}, but {' '.join(NETWORKS)}")
    failed = [name for name in args.networks or NETWORKS if not check(args, name)]
    sys.exit(f"networks.py: {len(failed)} failed" if failed else 0)


if __name__ == "__main__":
    main()
