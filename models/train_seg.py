"""Trains the demonstration segmentation of chest CT phantoms, scores it on unseen seeds, writes share/models/demo-ct-seg/.

    nice -n 19 python3 models/train_seg.py --work FOLDER [--phantoms 120 --seconds 1100 --test 20]

A small 3-D U-Net for patches of 64^3 voxels of 3 mm (HU -1000..400 as 0..1) tells background, lung (emphysema counts as
lung), opacity (ground glass, consolidation, effusion, nodule) and heart apart. Trained on phantoms of slices 3 to 6 mm apart,
brought to 3 mm as a program would; scored the way it is used: a series of 256 x 256 x 60 goes to 3 mm, through overlapping
patches, and its labels back to the series' own voxels.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import cards
import phantoms
import to_onnx

PATCH, SPACING, LOW, HIGH = 64, 3.0, -1000.0, 400.0
TRAIN_PATCH = 32  # the network is the same at every size; small patches show more different things in the same time
LABELS = ("background", "lung", "opacity", "heart")
TRAIN_SEED, TEST_SEED = 4_000_000, 5_000_000
BATCH, RATE = 6, 3e-3
WANTED = (0.15, 0.2, 0.45, 0.2)  # what a training patch is cut around
# label of the network for every label of the phantoms
MAP = np.zeros(len(phantoms.LABELS), np.uint8)
MAP[[phantoms.LUNG, phantoms.EMPHYSEMA]] = 1
MAP[list(phantoms.DENSE)] = 2
MAP[phantoms.HEART] = 3


def block(before, after, convolutions=2):
    layers = []
    for n in (before, after)[:convolutions]:
        layers += [nn.Conv3d(n, after, 3, 1, 1, bias=False), nn.BatchNorm3d(after, momentum=0.05), nn.ReLU(True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, width=(8, 16, 32, 48)):
        super().__init__()
        self.down = nn.ModuleList(block(a, b, 2 if i else 1) for i, (a, b) in enumerate(zip((1, *width), width)))
        self.rise = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, 2) for a, b in zip(width, width[1:]))
        self.up = nn.ModuleList(block(2 * a, a, 2 if i else 1) for i, a in enumerate(width[:-1]))
        self.head = nn.Conv3d(width[0], len(LABELS), 1)

    def forward(self, x):
        """[batch, 1, z, y, x] -> scores [batch, labels, z, y, x]; sides divide by 8"""
        kept = []
        for i, down in enumerate(self.down):
            x = down(x if i == 0 else functional.max_pool3d(x, 2))
            kept.append(x)
        for i in reversed(range(len(self.up))):
            x = self.up[i](torch.cat([self.rise[i](x), kept[i]], dim=1))
        return self.head(x)


def along_z(volume, step, target, nearest=False):
    """Slices `step` mm apart brought to `target` mm."""
    at = np.arange(0, (len(volume) - 1) * step + 1e-6, target) / step
    low = np.minimum(at.astype(int), len(volume) - 2)
    part = (at - low).astype(np.float32)[:, None, None]
    if nearest:
        return volume[low + (part[:, 0, 0] > 0.5)]
    return volume[low] * (1 - part) + volume[low + 1] * part


def kinds_of(rng):
    if rng.random() < 0.15:
        return ()
    chance = np.array([0.25, 0.25, 0.2, 0.1, 0.2])
    return tuple(rng.choice(phantoms.KINDS, rng.integers(1, 4), replace=False, p=chance))


def draw(seed):
    """A training phantom of 3 mm: bytes of 0..1 and labels."""
    rng = np.random.default_rng([seed, 5])
    chest = phantoms.Chest(seed, kinds_of(rng))
    step = rng.uniform(3, 6)
    columns = int(rng.uniform(110, 144))
    slices = int(chest.height / step)
    pairs = [chest.slice(z, columns, SPACING, rng.uniform(-1, 1, 2), rng, chest.noise * rng.uniform(0.3, 1.0))
        for z in np.arange(slices) * step + rng.uniform(0, step)]
    hu = along_z(np.stack([h for h, _ in pairs]), step, SPACING)
    labels = along_z(MAP[np.stack([l for _, l in pairs])], step, SPACING, nearest=True)
    return np.rint(np.clip((hu - LOW) / (HIGH - LOW), 0, 1) * 255).astype(np.uint8), labels


def patch_of(rng, volume, labels):
    """A patch around a voxel of a label drawn from WANTED; beyond the edge there is air."""
    wanted = rng.choice(len(LABELS), p=WANTED)
    at = np.flatnonzero(labels.ravel() == wanted)
    middle = np.unravel_index(rng.choice(at) if len(at) else rng.integers(labels.size), labels.shape)
    low = [int(np.clip(m - TRAIN_PATCH // 2 + rng.integers(-9, 10), 0, max(n - TRAIN_PATCH, 0))) for m, n in zip(middle, labels.shape)]
    where = tuple(slice(v, v + TRAIN_PATCH) for v in low)
    x, y = volume[where], labels[where]
    pad = [(0, TRAIN_PATCH - n) for n in x.shape]
    return np.pad(x, pad), np.pad(y, pad)


def loss_of(scores, truth):
    """Cross-entropy + soft Dice of the labels that are there."""
    entropy = functional.cross_entropy(scores, truth, weight=torch.tensor([1.0, 1.0, 3.0, 1.5]))
    p = torch.softmax(scores, dim=1)
    t = functional.one_hot(truth, len(LABELS)).permute(0, 4, 1, 2, 3).float()
    both, total = (p * t).sum(dim=(0, 2, 3, 4)), (p + t).sum(dim=(0, 2, 3, 4))
    there = t.sum(dim=(0, 2, 3, 4)) > 50
    return entropy + 1 - ((2 * both + 1) / (total + 1))[there].mean()


def pool(work, count):
    """The training phantoms, drawn once and kept as a file."""
    path = os.path.join(work, f"seg-pool-{count}.pt")
    if not os.path.exists(path):
        volumes = []
        for i in range(count):
            volumes.append(draw(TRAIN_SEED + i))
            if i % 20 == 19:
                print(f"drawn {i + 1} of {count}", flush=True)
        torch.save(volumes, path)
    return torch.load(path)


def train(model, volumes, work, seconds, rng):
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-4)
    started, step, mean = time.process_time(), 0, 1.0
    model.train()
    while (spent := (time.process_time() - started) / seconds) < 1:
        optimiser.param_groups[0]["lr"] = RATE * min(1, step / 50 + 0.05) * 0.5 * (1 + np.cos(np.pi * spent))
        pairs = [patch_of(rng, *volumes[rng.integers(len(volumes))]) for _ in range(BATCH)]
        x = torch.from_numpy(np.stack([p for p, _ in pairs])).float().div_(255)[:, None]
        y = torch.from_numpy(np.stack([l for _, l in pairs])).long()
        if rng.random() < 0.5:
            x, y = x.flip(4), y.flip(3)
        x = (x * rng.uniform(0.95, 1.05) + rng.uniform(-0.02, 0.02)).clamp(0, 1)
        value = loss_of(model(x), y)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        mean = 0.98 * mean + 0.02 * float(value.detach())
        step += 1
        if step % 50 == 0:
            print(f"step {step}, {100 * spent:.0f} %, loss {mean:.3f}", flush=True)
            torch.save(model.state_dict(), os.path.join(work, "seg.pt"))


def resize(volume, shape, nearest=False):
    """[z, y, x] to another grid over the same extent, corner voxels on corner voxels."""
    x = torch.from_numpy(np.ascontiguousarray(volume)).float()[None, None]
    if nearest:
        return functional.interpolate(x, shape, mode="nearest")[0, 0].numpy()
    return functional.interpolate(x, shape, mode="trilinear", align_corners=True)[0, 0].numpy()


def infer(model, x):
    """Overlapping patches weighted by a Gaussian; scores [labels, z, y, x] as probabilities."""
    short = [max(PATCH - n, 0) for n in x.shape]
    shape = x.shape
    x = np.pad(x, [(0, s) for s in short])
    line = np.exp(-0.5 * ((np.arange(PATCH) - (PATCH - 1) / 2) / (PATCH / 8)) ** 2).astype(np.float32) + 1e-3
    weight = torch.from_numpy(line[:, None, None] * line[:, None] * line)
    total, sums = torch.zeros(len(LABELS), *x.shape), torch.zeros(x.shape)
    starts = [sorted({*range(0, n - PATCH, PATCH // 2), n - PATCH}) for n in x.shape]
    with torch.no_grad():
        for k in starts[0]:
            for j in starts[1]:
                for i in starts[2]:
                    where = (slice(k, k + PATCH), slice(j, j + PATCH), slice(i, i + PATCH))
                    p = torch.softmax(model(torch.from_numpy(x[where])[None, None]), dim=1)[0]
                    total[(slice(None), *where)] += p * weight
                    sums[where] += weight
    return (total / sums)[:, :shape[0], :shape[1], :shape[2]]


def segment(model, hu, spacing):
    """A series (HU [z, y, x], mm of z, y, x) -> labels in its own voxels."""
    shape = [max(2, round((n - 1) * s / SPACING) + 1) for n, s in zip(hu.shape, spacing)]
    x = np.clip((resize(hu.astype(np.float32), shape) - LOW) / (HIGH - LOW), 0, 1)
    p = infer(model, x)
    return functional.interpolate(p[None], hu.shape, mode="trilinear", align_corners=True)[0].argmax(dim=0).numpy()


def test(model, count):
    """Unseen seeds, one illness each in turn. Dice of a label over the phantoms that have it."""
    model.eval()
    rows, columns, slices = [], 256, 60
    for i in range(count):
        kind = phantoms.KINDS[i % len(phantoms.KINDS)]
        chest = phantoms.Chest(TEST_SEED + i, (kind,))
        hu, truth = chest.volume(slices, columns)
        truth = MAP[truth]
        found = segment(model, hu, (chest.height * 0.98 / (slices - 1), 372 / columns, 372 / columns))
        print(f"tested {i + 1} of {count}", flush=True)
        for label in range(1, len(LABELS)):
            a, b = found == label, truth == label
            if b.any():
                rows.append((kind, label, 2 * (a & b).sum() / (a.sum() + b.sum())))
            elif a.any():
                print(f"phantom {TEST_SEED + i} ({kind}): {a.sum()} voxels of {LABELS[label]} where there is none", flush=True)
    report = {"phantoms": count, "seeds": [TEST_SEED, TEST_SEED + count - 1]}
    for label in range(1, len(LABELS)):
        values = [d for _, l, d in rows if l == label]
        report[f"Dice {LABELS[label]}"] = [round(float(v), 4) for v in (np.mean(values), np.min(values))]
    for kind in phantoms.KINDS:
        values = [d for k, l, d in rows if l == 2 and k == kind]
        if values:
            report[f"Dice opacity, {kind}"] = [round(float(v), 4) for v in (np.mean(values), np.min(values))]
    return report


def export(model, folder, report):
    to_onnx.write(model, torch.zeros(1, 1, PATCH, PATCH, PATCH), folder, ["patch"], ["scores"])
    common = cards.card("demo-ct-seg", "1", "segmentation", "MIT", "models/train_seg.py",
        f"Scores: mean Dice over {report['phantoms']} phantoms of unseen seeds.", architecture="3-D U-Net of 4 levels",
        scores={f"Dice {name}": report[f"Dice {name}"][0] for name in LABELS[1:]}, demonstration=cards.PHANTOMS)
    cards.write(folder, cards.segmentation(common, LABELS, [PATCH] * 3, [SPACING] * 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, help="folder for checkpoints, not in the repository")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "share", "models", "demo-ct-seg"))
    parser.add_argument("--phantoms", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=1100, help="processor time of the training")
    parser.add_argument("--test", type=int, default=20)
    parser.add_argument("--resume", help="begin with this checkpoint")
    parser.add_argument("--checkpoint", help="skip the training: score and export this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(5)
    model = UNet()
    os.makedirs(options.work, exist_ok=True)
    if options.checkpoint:
        model.load_state_dict(torch.load(options.checkpoint))
    else:
        if options.resume:
            model.load_state_dict(torch.load(options.resume))
        train(model, pool(options.work, options.phantoms), options.work, options.seconds, np.random.default_rng(5))
        torch.save(model.state_dict(), os.path.join(options.work, "seg.pt"))
    report = test(model, options.test)
    print(json.dumps(report, indent=1))
    export(model, options.out, report)


if __name__ == "__main__":
    main()
