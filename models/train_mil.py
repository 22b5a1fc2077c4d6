"""Trains the demonstration classifier of chest CT phantoms, scores it on unseen seeds, writes share/models/demo-ct-mil/.

    nice -n 19 python3 models/train_mil.py --work FOLDER [--phantoms 500 --seconds 2400 --bags 200 --test 200]

A small encoder halves the slices of 256 x 256 (HU -1000..400 as 0..1), looks at each and at its neighbours (a nodule ends after
some slices, a vessel goes on, a diaphragm gets wider), attention pooling makes one logit of the bag of 64. Stage 1 trains the
convolutions to find ill cells of 8 x 8 pixels, with the phantoms' label maps as truth, on crops of 8 slices (cells teach in
minutes what bags alone would teach in days); stage 2 keeps them and trains what follows on whole bags, whose truth is per
slice and per bag. FOLDER keeps the drawn phantoms and the checkpoints; it stays outside the repository.
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

SLICES, SIZE, LOW, HIGH = 64, 256, -1000.0, 400.0
DRAWN = SIZE // 2  # the encoder halves its input first, so phantoms are drawn at half the size
HALVED_NOISE = 0.75  # what halving leaves of their noise
CELL = 4  # drawn pixels
CROP, DEPTH, EDGE = 16, 8, 2  # crops of 8 slices of 16 x 16 cells; the outer 2 cells see too little around them and do not count
CROPS, RATE = 12, 3e-3
SICK_CELL = 2  # ill pixels of its 16 from which on a cell counts as ill; with fewer it counts neither way
SICK_PX = 5  # and a slice: about 40 mm2
TRAIN_SEED, BAG_SEED, TEST_SEED = 1_000_000, 2_000_000, 3_000_000
SICK = (phantoms.GROUND_GLASS, phantoms.CONSOLIDATION, phantoms.EFFUSION, phantoms.EMPHYSEMA, phantoms.NODULE)


class Layer(nn.Module):
    """A convolution in the slices; with `across` of each slice with its two neighbours instead (nothing beyond the ends)."""

    def __init__(self, before, after, stride=1, apart=1, across=False):
        super().__init__()
        self.across = across
        if across:
            self.conv = nn.Conv2d(3 * before, after, 1, bias=False)
        else:
            self.conv = nn.Conv2d(before, after, 3, stride, apart, apart, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, x, depth):
        if self.across:
            stacks = x.reshape(-1, depth, *x.shape[1:])
            more = functional.pad(stacks, (0, 0, 0, 0, 0, 0, 1, 1))
            x = torch.cat([more[:, :-2], stacks, more[:, 2:]], dim=2).reshape(-1, 3 * x.shape[1], *x.shape[2:])
        return functional.relu(self.norm(self.conv(x)))


class Encoder(nn.Module):
    WIDTH, DEEP = 64, 32

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Layer(1, 12), Layer(12, 24, 2), Layer(24, 24, across=True), Layer(24, 24),
            Layer(24, 32, 2), Layer(32, 32, across=True), Layer(32, 32), Layer(32, 32, across=True), Layer(32, self.DEEP, apart=2)])
        self.cell = nn.Conv2d(self.DEEP, 1, 1)
        self.mix = nn.Sequential(nn.Linear(2 * self.DEEP + 2, self.WIDTH), nn.ReLU(True))

    def convolved(self, x, depth):
        """What the convolutions found in halved slices (stacks of `depth`, one after the other), and a logit for every cell."""
        for layer in self.layers:
            x = layer(x, depth)
        cells = self.cell(x)
        x = torch.cat([x, cells], dim=1)
        return torch.cat([x.amax(dim=(2, 3)), x.mean(dim=(2, 3))], dim=1), cells[:, 0]

    def forward(self, x):
        return self.mix(self.convolved(functional.avg_pool2d(x, 2), SLICES)[0])


class Pooling(nn.Module):
    """Attention over a bag (Ilse, Tomczak, Welling 2018): features [bags, slices, width] -> logit [bags, 1], weights."""

    def __init__(self, width):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, 32), nn.Tanh(), nn.Linear(32, 1))
        self.head = nn.Linear(width, 1)

    def forward(self, features):
        weights = torch.softmax(self.score(features).squeeze(-1), dim=1)
        return self.head((features * weights.unsqueeze(-1)).sum(dim=1)), weights


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.pooling = Encoder(), Pooling(Encoder.WIDTH)

    def forward(self, bag):
        """[1, 64, 1, 256, 256] -> logit [1, 1], attention [1, 64]"""
        return self.pooling(self.encoder(bag.reshape(-1, 1, SIZE, SIZE))[None])


def kinds_of(rng):
    """What ails a training phantom: nothing (45 %), one thing, or (every seventh of the ill) two."""
    if rng.random() < 0.45:
        return ()
    chance = np.array([0.2, 0.15, 0.2, 0.15, 0.3])  # nodules are the hardest
    return tuple(rng.choice(phantoms.KINDS, 1 + (rng.random() < 0.15), replace=False, p=chance))


def draw(seed, kinds=None, columns=DRAWN):
    """The slices of one phantom as bytes, and how many ill pixels each of their cells has."""
    rng = np.random.default_rng([seed, 4])
    kinds = kinds_of(rng) if kinds is None else kinds
    chest = phantoms.Chest(seed, kinds)
    px_mm, at = rng.uniform(310, 440) / columns, rng.uniform(-15, 15, 2)
    heights = chest.positions(SLICES, rng.uniform(0.0, 0.10), rng.uniform(0.93, 1.0))
    noise = chest.noise * rng.uniform(0.4, 1.1) * (HALVED_NOISE if columns == DRAWN else 1)
    pictures, ill = np.empty((SLICES, columns, columns), np.uint8), np.empty((SLICES, DRAWN // CELL, DRAWN // CELL), np.uint8)
    for i, z in enumerate(heights):
        hu, labels = chest.slice(z, columns, px_mm, at, rng, noise)
        pictures[i] = np.rint(np.clip((hu - LOW) / (HIGH - LOW), 0, 1) * 255)
        ill[i] = np.isin(labels, SICK).reshape(DRAWN // CELL, -1, DRAWN // CELL, columns * CELL // DRAWN).sum(axis=(1, 3))
    return pictures, ill


def pool(work, name, seed, count):
    """Phantoms drawn once and kept as two files: every slice, and its ill cells."""
    paths = [os.path.join(work, f"mil-{name}-{count}-{part}.npy") for part in ("slices", "ill")]
    if not os.path.exists(paths[1]):
        pictures = np.lib.format.open_memmap(paths[0], "w+", np.uint8, (count, SLICES, DRAWN, DRAWN))
        ill = np.zeros((count, SLICES, DRAWN // CELL, DRAWN // CELL), np.uint8)
        for i in range(count):
            pictures[i], ill[i] = draw(seed + i)
            if i % 100 == 99:
                print(f"{name}: {i + 1} of {count} drawn", flush=True)
        np.save(paths[1], ill)
    return np.load(paths[0], mmap_mode="r"), np.load(paths[1])


def as_input(pictures):
    return torch.from_numpy(np.ascontiguousarray(pictures)).float().div_(255)


def auc(truth, score):
    """The chance that an ill one scores above a healthy one (ties count half)."""
    order = np.argsort(score, kind="stable")
    rank = np.empty(len(score))
    rank[order] = np.arange(1, len(score) + 1)
    for value in np.unique(score):
        same = score == value
        rank[same] = rank[same].mean()
    truth = np.asarray(truth, bool)
    ill = truth.sum()
    return (rank[truth].sum() - ill * (ill + 1) / 2) / (ill * (len(truth) - ill))


def cell_loss(logit, ill):
    """Every crop counts the same, and in it all ill cells together, all well cells together, and the 4 well cells that look
    worst; else an emphysema, which fills a lung, would drown the nodules."""
    logit, ill = logit.flatten(1), ill.flatten(1)
    well, sick = (ill == 0).float(), (ill >= SICK_CELL).float()
    wrong = functional.softplus(logit) * well
    found = (functional.softplus(-logit) * sick).sum(dim=1) / sick.sum(dim=1).clamp(min=1)
    return (wrong.sum(dim=1) / well.sum(dim=1).clamp(min=1) + 0.5 * wrong.topk(4).values.mean(dim=1) + 2 * found).mean()


def weights_of(count):
    """How often a phantom of the pool is taken: what is learnt at once less often."""
    easy = {"emphysema": 0.3, "ground_glass": 0.6}
    weight = np.ones(count)
    for i in range(count):
        kinds = kinds_of(np.random.default_rng([TRAIN_SEED + i, 4]))
        weight[i] = 0.8 if not kinds else max(easy.get(k, 1.6) for k in kinds)
    return weight / weight.sum()


def crop(pictures, ill, rng):
    """A part of a phantom, on the grid of cells: around an ill cell if there is one (two times of three), or in the body."""
    where = np.argwhere(ill >= SICK_CELL)
    if len(where) and rng.random() < 0.67:
        slices = np.unique(where[:, 0])  # first a slice, then a cell: a big illness has no more to say than a small one
        k = slices[rng.integers(len(slices))]
        cells = where[where[:, 0] == k]
        middle = cells[rng.integers(len(cells)), 1:] + rng.integers(-5, 6, 2)
    else:
        k, middle = rng.integers(SLICES), rng.integers(9, 24, 2)
    z = int(np.clip(k - rng.integers(1, DEPTH - 1), 0, SLICES - DEPTH))
    j, i = np.clip(middle - CROP // 2, 0, DRAWN // CELL - CROP)
    return (pictures[z:z + DEPTH, j * CELL:(j + CROP) * CELL, i * CELL:(i + CROP) * CELL], ill[z:z + DEPTH, j:j + CROP, i:i + CROP])


def train_encoder(model, pictures, ill, seconds, work, rng):
    """Stage 1: the convolutions on crops of the pool. The learning rate falls to zero with time."""
    encoder = model.encoder
    parameters = [*encoder.layers.parameters(), *encoder.cell.parameters()]
    optimiser = torch.optim.AdamW(parameters, RATE, weight_decay=1e-3)
    weights = weights_of(len(pictures))
    started, step, mean = time.process_time(), 0, 2.0
    model.train()
    model.to(memory_format=torch.channels_last)  # 1.4 times faster on a processor
    inner = slice(EDGE, CROP - EDGE)
    while (spent := (time.process_time() - started) / seconds) < 1:
        optimiser.param_groups[0]["lr"] = RATE * min(1, step / 100 + 0.05) * 0.5 * (1 + np.cos(np.pi * spent))
        pairs = [crop(pictures[p], ill[p], rng) for p in rng.choice(len(pictures), CROPS, p=weights)]
        x, cells = as_input(np.concatenate([a for a, _ in pairs]))[:, None], torch.from_numpy(np.stack([b for _, b in pairs]))
        if rng.random() < 0.5:
            x, cells = x.flip(3), cells.flip(3)
        gain, shift = (torch.from_numpy(rng.uniform(a, b, (CROPS, 1, 1, 1)).astype(np.float32)).repeat_interleave(DEPTH, 0)
            for a, b in ((0.95, 1.05), (-0.02, 0.02)))
        x = (x * gain + shift).clamp(0, 1).to(memory_format=torch.channels_last)
        found = encoder.convolved(x, DEPTH)[1].reshape(CROPS, DEPTH, CROP, CROP)
        value = cell_loss(found[..., inner, inner], cells[..., inner, inner])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        mean = 0.98 * mean + 0.02 * float(value.detach())
        step += 1
        if step % 100 == 0:
            print(f"stage 1: step {step}, {100 * spent:.0f} %, loss {mean:.3f}", flush=True)
            torch.save(model.state_dict(), os.path.join(work, "mil-stage1.pt"))


def convolved(model, pictures):
    """A whole bag of drawn (halved) slices."""
    model.eval()
    with torch.no_grad():
        return model.encoder.convolved(as_input(pictures)[:, None], SLICES)[0]


def train_rest(model, side, found, steps, rng):
    """Stage 2: all but the convolutions, on parts of the bags in `found`, of 16 to 64 slices."""
    x, ill = torch.stack([f for f, _ in found]), torch.from_numpy(np.stack([i for _, i in found]))
    optimiser = torch.optim.AdamW([*model.encoder.mix.parameters(), *model.pooling.parameters(), *side.parameters()], 2e-3,
        weight_decay=1e-2)
    loss, mean = nn.BCEWithLogitsLoss(), [0.7, 0.7]
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 2e-3 * 0.5 * (1 + np.cos(np.pi * step / steps))
        which = torch.from_numpy(rng.choice(len(x), 16))
        part = torch.from_numpy(np.sort(rng.choice(SLICES, rng.integers(16, SLICES + 1), replace=False)))
        y = ill[which][:, part]
        sure = (y == 0) | (y >= SICK_PX)
        features = model.encoder.mix(x[which][:, part])
        a = loss(side(features)[..., 0][sure], (y[sure] > 0).float())
        b = loss(model.pooling(features)[0][:, 0], 0.97 * (y >= SICK_PX).any(dim=1).float() + 0.015)
        optimiser.zero_grad()
        (a + b).backward()
        optimiser.step()
        mean = [0.98 * m + 0.02 * float(v.detach()) for m, v in zip(mean, (a, b))]
        if step % 200 == 199:
            print(f"stage 2: step {step + 1}, slices {mean[0]:.3f}, bags {mean[1]:.3f}", flush=True)


def bags(model, work, count):
    """What the convolutions find in the bags of stage 2, and the ill pixels of each slice."""
    pictures, ill = pool(work, "bags", BAG_SEED, count)
    return [(convolved(model, p), i.sum(axis=(1, 2), dtype=np.int64)) for p, i in zip(pictures, ill)]


def test(model, count):
    """Unseen seeds: half of the phantoms are well, the others have exactly one illness each, in turn."""
    scores, kinds = [], []
    for i in range(count):
        ails = () if i % 2 == 0 else (phantoms.KINDS[(i // 2) % len(phantoms.KINDS)],)
        pictures, _ = draw(TEST_SEED + i, ails, SIZE)  # at full size, as the program gives them
        model.eval()
        with torch.no_grad():
            scores.append(float(torch.sigmoid(model(as_input(pictures)[None, :, None])[0])))
        if i % 20 == 19:
            print(f"tested {i + 1} of {count}", flush=True)
        kinds.append(ails[0] if ails else "")
    scores, kinds = np.array(scores), np.array(kinds)
    well = scores[kinds == ""]
    report = {"phantoms": count, "seeds": [TEST_SEED, TEST_SEED + count - 1], "auc": auc(kinds != "", scores),
        "specificity at 0.5": float((well < 0.5).mean()), "sensitivity at 0.5": float((scores[kinds != ""] >= 0.5).mean())}
    for kind in phantoms.KINDS:
        ill = scores[kinds == kind]
        report[f"auc {kind}"] = auc(np.r_[np.zeros(len(well)), np.ones(len(ill))], np.r_[well, ill])
        report[f"sensitivity {kind}"] = float((ill >= 0.5).mean())
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in report.items()}


def export(model, folder, report):
    to_onnx.write(model, torch.zeros(1, SLICES, 1, SIZE, SIZE), folder, ["slices"], ["logit", "attention"])
    scores = {"auc": report["auc"], **{f"auc {kind}": report[f"auc {kind}"] for kind in phantoms.KINDS}}
    cards.write(folder, cards.mil(cards.card("demo-ct-mil", "3", "classification", "MIT", "models/train_mil.py",
        f"Scores: {report['phantoms']} phantoms of unseen seeds.", architecture="convolutions in and across slices, attention pooling",
        scores=scores, demonstration=cards.PHANTOMS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, help="folder for the pool and checkpoints, not in the repository")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "share", "models", "demo-ct-mil"))
    parser.add_argument("--phantoms", type=int, default=500, help="in the pool of stage 1")
    parser.add_argument("--seconds", type=float, default=2400, help="processor time of stage 1")
    parser.add_argument("--bags", type=int, default=200)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--steps", type=int, default=2000, help="of stage 2")
    parser.add_argument("--resume", help="begin stage 1 with this checkpoint")
    parser.add_argument("--stage1", help="skip stage 1: go on with this checkpoint")
    parser.add_argument("--checkpoint", help="skip the training: score and export this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(4)
    rng = np.random.default_rng(4)
    model, side = Classifier(), nn.Linear(Encoder.WIDTH, 1)
    os.makedirs(options.work, exist_ok=True)
    if options.checkpoint:
        model.load_state_dict(torch.load(options.checkpoint))
    else:
        if options.stage1:
            model.load_state_dict(torch.load(options.stage1))
        else:
            if options.resume:
                model.load_state_dict(torch.load(options.resume))
            train_encoder(model, *pool(options.work, "train", TRAIN_SEED, options.phantoms), options.seconds, options.work, rng)
        train_rest(model, side, bags(model, options.work, options.bags), options.steps, rng)
        torch.save(model.state_dict(), os.path.join(options.work, "mil.pt"))
    report = test(model, options.test)
    print(json.dumps(report, indent=1))
    export(model, options.out, report)


if __name__ == "__main__":
    main()
