"""Trains the demonstration classifier of chest CT phantoms, scores it on unseen seeds, writes share/models/demo-ct-mil/.

    nice -n 19 python3 models/train_mil.py --work FOLDER [--phantoms 400 --seconds 400 --bags 128 --test 200]

A small shared encoder sees one slice of 256 x 256 at a time (HU -1000..400 as 0..1); attention pooling makes one logit of
the bag of 64 slices. Stage 1 trains the convolutions to find ill cells of 8 x 8 pixels, with the phantoms' label maps as truth,
on crops of slices (cells teach in minutes what bags alone would teach in days); stage 2 keeps them and trains what follows on
bags of 16 to 64 slices, whose truth is per slice and per bag. FOLDER keeps the pool of drawn slices and the checkpoints; it
stays outside the repository.
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
POOL_SLICES = 12
CELL, CROP, EDGE = 8, 16, 2  # crops of 16 x 16 cells; the outer 2 see too little around them and do not count
CROPS, RATE = 64, 3e-3
SICK_CELL = 6  # and a cell from here on; between 0 and these it counts neither way
SICK_PX = 20  # a slice counts as ill from here on: 20 pixels of 256 x 256 are about 40 mm2
TRAIN_SEED, BAG_SEED, TEST_SEED = 1_000_000, 2_000_000, 3_000_000
SICK = (phantoms.GROUND_GLASS, phantoms.CONSOLIDATION, phantoms.EFFUSION, phantoms.EMPHYSEMA, phantoms.NODULE)


class Encoder(nn.Module):
    WIDTH, DEEP = 64, 32

    def __init__(self):
        super().__init__()
        plan = [(1, 8, 5, 2, 1), (8, 24, 3, 2, 1), (24, 32, 3, 2, 1), (32, 32, 3, 1, 1), (32, self.DEEP, 3, 1, 2)]
        layers = []
        for before, after, size, stride, apart in plan:
            conv = nn.Conv2d(before, after, size, stride, apart * (size // 2), apart, bias=False)
            layers += [conv, nn.BatchNorm2d(after), nn.ReLU(True)]
        self.layers = nn.Sequential(*layers)
        self.cell = nn.Conv2d(self.DEEP, 1, 1)
        self.mix = nn.Sequential(nn.Linear(2 * self.DEEP + 2, self.WIDTH), nn.ReLU(True))

    def convolved(self, x):
        """What the convolutions found in a slice, and a logit for every cell."""
        x = self.layers(x)
        cells = self.cell(x)
        x = torch.cat([x, cells], dim=1)
        return torch.cat([x.amax(dim=(2, 3)), x.mean(dim=(2, 3))], dim=1), cells[:, 0]

    def forward(self, x):
        return self.mix(self.convolved(x)[0])


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
        return self.pooling(to_onnx.in_parts(self.encoder, bag.reshape(-1, 1, SIZE, SIZE))[None])


def kinds_of(rng):
    """What ails a training phantom: nothing (45 %), one thing, or (every seventh of the ill) two."""
    if rng.random() < 0.45:
        return ()
    chance = np.array([0.2, 0.15, 0.2, 0.15, 0.3])  # nodules are the hardest
    return tuple(rng.choice(phantoms.KINDS, 1 + (rng.random() < 0.15), replace=False, p=chance))


def draw(seed, slices, kinds=None):
    """`slices` pictures of one phantom as bytes, how many ill pixels each of their cells has, and its kinds."""
    rng = np.random.default_rng([seed, 4])
    kinds = kinds_of(rng) if kinds is None else kinds
    chest = phantoms.Chest(seed, kinds)
    px_mm, at = rng.uniform(310, 440) / SIZE, rng.uniform(-15, 15, 2)
    heights = chest.positions(slices, rng.uniform(0.0, 0.10), rng.uniform(0.93, 1.0))
    noise = chest.noise * rng.uniform(0.4, 1.1)
    pictures, ill = np.empty((slices, SIZE, SIZE), np.uint8), np.empty((slices, SIZE // CELL, SIZE // CELL), np.uint8)
    for i, z in enumerate(heights):
        hu, labels = chest.slice(z, SIZE, px_mm, at, rng, noise)
        pictures[i] = np.rint(np.clip((hu - LOW) / (HIGH - LOW), 0, 1) * 255)
        ill[i] = np.isin(labels, SICK).reshape(SIZE // CELL, CELL, SIZE // CELL, CELL).sum(axis=(1, 3))
    return pictures, ill, kinds


def pool(work, count):
    """The training slices, drawn once and kept as a file."""
    path, facts = os.path.join(work, f"mil-pool-{count}.npy"), os.path.join(work, f"mil-pool-{count}.npz")
    if not os.path.exists(facts):
        pictures = np.lib.format.open_memmap(path, "w+", np.uint8, (count, POOL_SLICES, SIZE, SIZE))
        ill = np.zeros((count, POOL_SLICES, SIZE // CELL, SIZE // CELL), np.uint8)
        started = time.time()
        for i in range(count):
            pictures[i], ill[i], _ = draw(TRAIN_SEED + i, POOL_SLICES)
            if i % 100 == 99:
                print(f"pool: {i + 1} of {count} in {time.time() - started:.0f} s", flush=True)
        np.savez(facts, ill=ill)
    return np.load(path, mmap_mode="r"), np.load(facts)["ill"]


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
    """A part of a slice, on the grid of cells: around an ill cell if there is one (two times of three), or in the body."""
    where = np.argwhere(ill >= SICK_CELL)
    if len(where) and rng.random() < 0.67:
        middle = where[rng.integers(len(where))] + rng.integers(-5, 6, 2)
    else:
        middle = rng.integers(9, 24, 2)
    j, i = np.clip(middle - CROP // 2, 0, SIZE // CELL - CROP)
    return (pictures[j * CELL:(j + CROP) * CELL, i * CELL:(i + CROP) * CELL], ill[j:j + CROP, i:i + CROP])


def train_encoder(model, pictures, ill, seconds, rng):
    """Stage 1: the convolutions on crops of the pool's slices. The learning rate falls to zero with time."""
    parameters = [*model.encoder.layers.parameters(), *model.encoder.cell.parameters()]
    optimiser = torch.optim.AdamW(parameters, RATE, weight_decay=1e-3)
    weights = weights_of(len(pictures))
    started, step, mean = time.process_time(), 0, 2.0
    model.train()
    model.to(memory_format=torch.channels_last)  # 1.4 times faster on a processor
    while (spent := (time.process_time() - started) / seconds) < 1:
        optimiser.param_groups[0]["lr"] = RATE * min(1, step / 100 + 0.05) * 0.5 * (1 + np.cos(np.pi * spent))
        which = zip(rng.choice(len(pictures), CROPS, p=weights), rng.integers(0, POOL_SLICES, CROPS))
        pairs = [crop(pictures[p, k], ill[p, k], rng) for p, k in which]
        x, cells = as_input(np.stack([a for a, _ in pairs]))[:, None], torch.from_numpy(np.stack([b for _, b in pairs]))
        if rng.random() < 0.5:
            x, cells = x.flip(3), cells.flip(2)
        gain, shift = (torch.from_numpy(rng.uniform(a, b, (CROPS, 1, 1, 1)).astype(np.float32)) for a, b in ((0.95, 1.05), (-0.02, 0.02)))
        x = (x * gain + shift).clamp(0, 1).to(memory_format=torch.channels_last)
        inner = slice(EDGE, CROP - EDGE)
        value = cell_loss(model.encoder.convolved(x)[1][:, inner, inner], cells[:, inner, inner])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        mean = 0.98 * mean + 0.02 * float(value.detach())
        step += 1
        if step % 100 == 0:
            print(f"stage 1: step {step}, {100 * spent:.0f} %, loss {mean:.3f}", flush=True)


def convolved(model, seed, kinds=None):
    pictures, ill, _ = draw(seed, SLICES, kinds)
    model.eval()
    with torch.no_grad():
        return model.encoder.convolved(as_input(pictures)[:, None])[0], ill.sum(axis=(1, 2), dtype=np.int64)


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
    """Convolved bags of stage 2, kept as a file: they cost more than the training."""
    path = os.path.join(work, f"mil-bags-{count}.pt")
    if not os.path.exists(path):
        torch.save([convolved(model, BAG_SEED + i) for i in range(count)], path)
    return torch.load(path)


def test(model, count):
    """Unseen seeds: half of the phantoms are well, the others have exactly one illness each, in turn."""
    scores, kinds = [], []
    for i in range(count):
        ails = () if i % 2 == 0 else (phantoms.KINDS[(i // 2) % len(phantoms.KINDS)],)
        features, _ = convolved(model, TEST_SEED + i, ails)
        with torch.no_grad():
            scores.append(float(torch.sigmoid(model.pooling(model.encoder.mix(features)[None])[0])))
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
    cards.write(folder, cards.mil(cards.card("demo-ct-mil", "1", "classification", "MIT", "models/train_mil.py",
        f"Scores: {report['phantoms']} phantoms of unseen seeds.", architecture="5 convolutions a slice, attention pooling",
        scores=scores, demonstration=cards.PHANTOMS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", required=True, help="folder for the pool and checkpoints, not in the repository")
    parser.add_argument("--out", default=os.path.join(os.path.dirname(__file__), "..", "share", "models", "demo-ct-mil"))
    parser.add_argument("--phantoms", type=int, default=400, help="in the pool of stage 1")
    parser.add_argument("--seconds", type=float, default=400, help="processor time of stage 1")
    parser.add_argument("--bags", type=int, default=128)
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
            train_encoder(model, *pool(options.work, options.phantoms), options.seconds, rng)
            torch.save(model.state_dict(), os.path.join(options.work, "mil-stage1.pt"))
        train_rest(model, side, bags(model, options.work, options.bags), options.steps, rng)
        torch.save(model.state_dict(), os.path.join(options.work, "mil.pt"))
    report = test(model, options.test)
    print(json.dumps(report, indent=1))
    export(model, options.out, report)


if __name__ == "__main__":
    main()
