#!/usr/bin/env python3
"""torch_resnet18.py - PyTorch's best at what tests/bench measures on a graphics card.

Rows have the names and the columns of tests/bench, so that the two can be divided. Every
network runs channels last with cuDNN's own benchmark on, SGD as one fused launch, and the
whole step captured as one CUDA graph; bf16 is autocast. Three variants of each compete, and
the fastest stays: as it is, compiled by torch.compile, and compiled with max-autotune; bf16
comes first, since that takes minutes. A penalty step differentiates twice, which torch.compile does
not, and is captured as it is. Images lie on the card as bytes and are normalised in the step.

usage: torch_resnet18.py [--out FILE.csv] [--seconds N] [--device DEVICE] [--images N] [NAME ...]
NAME: a row, or all that begin with it and a dash. No step is begun after N seconds.
"""
import argparse
import csv
import re
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as e:
    sys.exit(f"torch_resnet18.py: {e}: the comparison with PyTorch is left out")

COLUMNS = "machine device threads name size unit median low high repeats peak peak_unit share".split()
RATE, MOMENTUM, DECAY, RADIUS = 0.01, 0.9, 5e-4, 0.05
BANK, MANY, WIDE, NEAR = 50_000, 100_000, 512, 50


class Block(nn.Module):
    def __init__(self, c, k, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c, k, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(k)
        self.conv2 = nn.Conv2d(k, k, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(k)
        self.shortcut = nn.Sequential()
        if stride != 1 or c != k:
            self.shortcut = nn.Sequential(nn.Conv2d(c, k, 1, stride, bias=False), nn.BatchNorm2d(k))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """For images of 32 x 32: a first convolution of 3 x 3, no pooling before the last."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)]
        self.layers = nn.Sequential(*[nn.Sequential(Block(c, k, s), Block(k, k, 1)) for c, k, s in widths])
        self.linear = nn.Linear(512, classes)

    def forward(self, x):
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Work:
    """One row: a network, its data, and a step that can be repeated and captured."""

    def __init__(self, kind, images, precision, device):
        self.images, self.precision, self.device = images, precision, device
        self.tf32(precision == "tf32")
        torch.manual_seed(1)
        self.net = ResNet18().to(device).to(memory_format=torch.channels_last)
        px = torch.randint(0, 256, (images, 3, 32, 32), dtype=torch.uint8, device=device)
        self.px = px.to(memory_format=torch.channels_last)
        self.labels = torch.arange(images, device=device) * 7 % 10
        self.net.train(kind != "eval")
        self.parameters = list(self.net.parameters())
        fused = device != "cpu"
        self.sgd = torch.optim.SGD(self.parameters, RATE, MOMENTUM, weight_decay=DECAY, nesterov=True, fused=fused)
        self.forward = self.logits
        self.step = getattr(self, kind)

    def tf32(self, on):
        torch.backends.cuda.matmul.allow_tf32 = on
        torch.backends.cudnn.allow_tf32 = on

    def pictures(self, px):
        return (px.float() / 255 - 0.5) / 0.25

    def logits(self, px):
        return self.net(self.pictures(px))

    def autocast(self):
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")

    def gradient(self):
        with self.autocast():
            loss = F.cross_entropy(self.forward(self.px).float(), self.labels)
        self.sgd.zero_grad(set_to_none=True)
        loss.backward()

    def train(self):
        self.gradient()
        self.sgd.step()

    def eval(self):
        with torch.no_grad(), self.autocast():
            self.forward(self.px)

    def samstep(self):
        """Up to the worst weights nearby, the gradient there, and back."""
        self.gradient()
        with torch.no_grad():
            grads = [p.grad for p in self.parameters]
            norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
            away = torch._foreach_mul(grads, RADIUS / (norm + 1e-12))
            torch._foreach_add_(self.parameters, away)
        self.gradient()
        with torch.no_grad():
            torch._foreach_sub_(self.parameters, away)
        self.sgd.step()

    def gregstep(self):
        """The step of tests/bench/steps.c: half of the images are outliers."""
        half = self.images // 2
        x = self.pictures(self.px).requires_grad_()
        with self.autocast():
            z = self.net(x).float()
        energy = -torch.logsumexp(z, 1)
        over, under = energy[:half] + 25, -energy[half:] - 7
        margin = F.relu(over).square().mean() + F.relu(under).square().mean()
        settled = F.relu(-under).mean() - F.relu(-over).mean()
        (g,) = torch.autograd.grad(settled, x, create_graph=True)
        sharpness = (g.flatten(1).square().sum(1) + 1e-24).sqrt().mean()
        loss = F.cross_entropy(z[:half], self.labels[:half]) + 0.1 * margin + sharpness
        self.sgd.zero_grad(set_to_none=True)
        loss.backward()
        self.sgd.step()

    def compiled(self, mode):
        torch._dynamo.reset()  # else the eighth network is no longer compiled
        self.forward = torch.compile(self.logits, mode=mode)

    def captured(self):
        """The step as one CUDA graph."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(4):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay


def synchronize(device):
    if device != "cpu":
        torch.cuda.synchronize()


def seconds_of(call, device, least=9, budget=2.0):
    """Seconds of one call, several times: each the mean of calls that follow one another."""
    for _ in range(5 if device != "cpu" else 1):
        call()
    synchronize(device)
    began = time.perf_counter()
    call()
    synchronize(device)
    each = max(1, min(50, int(0.05 / max(time.perf_counter() - began, 1e-6))))
    found, all_of = [], 0.0
    while len(found) < 200 and (len(found) < least or all_of < budget):
        began = time.perf_counter()
        for _ in range(each):
            call()
        synchronize(device)
        found.append((time.perf_counter() - began) / each)
        all_of += found[-1] * each
    return sorted(found)


class Nearest:
    """The matrix of inner products by slices of the queries, and topk."""

    def __init__(self, precision, device):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        torch.manual_seed(1)
        self.device = device
        self.bank = F.normalize(torch.randn(BANK, WIDE, device=device))
        self.asked = F.normalize(torch.randn(MANY, WIDE, device=device))

    def by_topk(self, slices):
        def call():
            for q in self.asked.split(MANY // slices):
                (q @ self.bank.T).topk(NEAR)

        return call

    def by_faiss(self):
        import faiss
        import faiss.contrib.torch_utils  # noqa: F401

        index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), WIDE)
        index.add(self.bank)
        return lambda: index.search(self.asked, NEAR)

    def variants(self):
        yield from ((f"topk by {n}", lambda n=n: self.by_topk(n)) for n in (4, 20, 100))
        yield "faiss", self.by_faiss


class Table:
    def __init__(self, args):
        self.args, self.rows, self.began = args, {}, time.monotonic()
        name = torch.cuda.get_device_name() if args.device != "cpu" else "cpu"
        self.machine = re.sub("[^a-z0-9]+", "-", re.sub("^NVIDIA ", "", name).lower()).strip("-")

    def late(self):
        return time.monotonic() - self.began > self.args.seconds

    def asked(self, name):
        return not self.args.names or any(name == n or name.startswith(n + "-") for n in self.args.names)

    def add(self, name, size, unit, amount, found, how):
        low, middle, high = found[len(found) // 4], statistics.median(found), found[-1 - len(found) // 4]
        if unit != "s":
            low, middle, high = amount / high, amount / middle, amount / low
        old = self.rows.get(name)
        print(f"{name:28s} {size:30s} {middle:12.5g} {unit:9s} {how}", flush=True)
        if old and (old["median"] >= middle if unit != "s" else old["median"] <= middle):
            return
        values = [self.machine, "torch", torch.get_num_threads(), name, f"{size} ({how})", unit, middle, low, high,
                  len(found), "", "", ""]
        self.rows[name] = dict(zip(COLUMNS, values))
        with open(self.args.out, "w", newline="") as f:
            out = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            out.writeheader()
            out.writerows(self.rows.values())


def names(kind, images, precision):
    """The row's name: what is the default of tests/bench is not in it."""
    parts = [f"resnet18-{kind}"] + (["1024"] if images == 1024 else []) + ([precision] if precision != "f32" else [])
    return "-".join(parts)


def measure_step(table, kind, images, precision, mode):
    args = table.args
    work = Work(kind, args.images or images, precision, args.device)
    if mode:
        work.compiled({"compiled": None, "max-autotune": "max-autotune-no-cudagraphs"}[mode])
    call = work.step if args.device == "cpu" else work.captured()
    found = seconds_of(call, args.device)
    size = f"batch {work.images} {precision}"
    table.add(names(kind, images, precision), size, "images/s", work.images, found, mode or "as it is")


def refused(name, how, e):
    print(f"{name}: {how}: {type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"[:300], flush=True)


PRECISIONS = ("bf16", "tf32", "f32")


def all_steps(table, mode, precisions=PRECISIONS):
    for precision in precisions:
        for kind in ("train", "eval", "samstep", "gregstep"):
            for images in (1024, 128):
                name = names(kind, images, precision)
                if table.late() or not table.asked(name) or (mode and kind == "gregstep"):
                    continue
                try:
                    measure_step(table, kind, images, precision, mode)
                except Exception as e:  # one row less, not the end
                    refused(name, mode or "as it is", e)
                if table.args.device != "cpu":
                    torch.cuda.empty_cache()


def all_nearest(table):
    for precision in ("f32", "tf32"):
        name = "nearest" + ("" if precision == "f32" else "-tf32")
        if not table.asked(name):
            continue
        work = Nearest(precision, table.args.device)
        for how, make in work.variants():
            try:
                found = seconds_of(make(), table.args.device, least=5)
                table.add(name, f"{MANY} x {BANK} x {WIDE} k {NEAR} {precision}", "s", 1, found, how)
            except Exception as e:
                refused(name, how, e)
            if table.late():
                return


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    parser.add_argument("--out", default="torch.csv")
    parser.add_argument("--seconds", type=float, default=480)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=0, help="of every batch, to try the script out")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.device != "cpu" and not torch.cuda.is_available():
        sys.exit("torch_resnet18.py: PyTorch sees no GPU here")
    torch.backends.cudnn.benchmark = True
    table = Table(args)
    print(f"{table.machine}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    all_steps(table, None)
    if args.device != "cpu":
        all_nearest(table)
    for precision in PRECISIONS:
        all_steps(table, "compiled", [precision])
        all_steps(table, "max-autotune", [precision])


if __name__ == "__main__":
    main()
