"""The centre model: a small network that looks at a window of try slices and says at which centre it is in focus.

    train_cor.py data  --build BUILD --work DIR [--scans 1600] [--first-seed 0]
    train_cor.py train --work DIR [--minutes 16] [--threads 1]
    train_cor.py others --build BUILD --work DIR [--scans 320]    vo, pc and entropy on seeds never trained on
    train_cor.py test   --build BUILD --work DIR                   the model on the same scans, beside them
    train_cor.py export --work DIR --to share/models/cor-gantry

By hand only: neither the build nor the tests need it. Wants PyTorch, SciPy and onnx (Debian: python3-torch, python3-scipy, python3-onnx).

The network gets a window of 64 x 64 pixels at a row of centres, equally spaced, normalised together, and gives a score for each. All
centres of a row compete (softmax); the target is a narrow Gaussian about the true centre, so the logarithm of what comes out is a
parabola whose top is the centre. Scores of several windows are added: a window that shows nothing learns to say nothing.
"""
import argparse
import json
import pathlib
import time

import numpy as np

import cor_sim

SIZE, CENTRES, WINDOWS, ROWS, TRAINED = 64, 17, 6, 2, 3
TEST_SEED = 1_000_000
SCORES = {"scans": 314, "median_px": 0.046, "px_95": 0.56, "beyond_1_px": 0.022}  # of method ai; the table is in README-cor.md


def pick_windows(image, most, size=SIZE):
    """Corners of windows, the richest in structure first: those that do not overlap, then those that overlap by half."""
    n = len(image)
    half, stride = size // 2, size // 2
    blocks = n // 4
    mean4 = image[:blocks * 4, :blocks * 4].reshape(blocks, 4, blocks, 4).mean((1, 3))
    first = (n - size) % stride // 2
    found = []
    for y in range(first, n - size + 1, stride):
        for x in range(first, n - size + 1, stride):
            if np.hypot(y + half - n / 2, x + half - n / 2) <= max(n / 2 - half, 1):
                found.append((-float(mean4[y // 4:(y + size) // 4, x // 4:(x + size) // 4].var()), y, x))
    found.sort()
    chosen = []
    for reach in (size, stride):
        for _, y, x in found:
            if len(chosen) < most and all(abs(y - v) >= reach or abs(x - u) >= reach for v, u in chosen):
                chosen.append((y, x))
    return chosen


def stack(images, corners, size=SIZE):
    """[windows][centres][size][size], each window's stack with mean 0 and deviation 1."""
    out = np.stack([images[:, y:y + size, x:x + size] for y, x in corners]).astype(np.float32)
    out -= out.mean((1, 2, 3), keepdims=True)
    return out / np.maximum(out.std((1, 2, 3), keepdims=True), 1e-12)


def data(a):
    lib = cor_sim.library(a.build, a.work)
    work = pathlib.Path(a.work)
    lib.fft_wisdom_load(str(work / "wisdom").encode(), None, cor_sim.Err())
    shape = (a.scans, ROWS, WINDOWS, CENTRES, SIZE, SIZE)
    windows = np.lib.format.open_memmap(work / f"windows-{a.first_seed}.npy", "w+", np.float16, shape)
    truth = np.lib.format.open_memmap(work / f"truth-{a.first_seed}.npy", "w+", np.float32, (a.scans, ROWS, 2))
    for i in range(a.scans):
        d = cor_sim.make(a.first_seed + i)
        rng = np.random.default_rng(a.first_seed + i + 7_000_000)
        for r in range(ROWS):
            step = rng.choice([0.25, 0.5, 1.0, 2.0], p=[0.25, 0.3, 0.3, 0.15])
            place = rng.uniform(0.5, CENTRES - 1.5)
            kind = 0 if rng.random() < 0.8 else int(rng.integers(1, 6))
            images = cor_sim.recon(lib, d["sino"], d["theta"], d["centre"] + (np.arange(CENTRES) - place) * step, kind)
            corners = pick_windows(images[CENTRES // 2], 14)
            corners = [corners[k] for k in rng.permutation(len(corners))]
            corners = (corners * WINDOWS)[:WINDOWS]
            windows[i, r] = np.clip(stack(images, corners), -30, 30)
            truth[i, r] = place, step
        if i == 20:
            lib.fft_wisdom_save(str(work / "wisdom").encode(), cor_sim.Err())
        if i % 50 == 0:
            (work / f"done-{a.first_seed}").write_text(str(i))
            print(i, flush=True)
    (work / f"done-{a.first_seed}").write_text(str(a.scans))


def network():
    import torch
    from torch import nn

    class Focus(nn.Module):
        def __init__(self):
            super().__init__()
            self.look = nn.Sequential(
                nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.LeakyReLU(0.1),
                nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.LeakyReLU(0.1),
                nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.LeakyReLU(0.1))
            self.compare = nn.Sequential(nn.Conv1d(64, 48, 5, padding=2, padding_mode="replicate"), nn.LeakyReLU(0.1),
                                         nn.Conv1d(48, 32, 3, padding=1, padding_mode="replicate"), nn.LeakyReLU(0.1), nn.Conv1d(32, 1, 1))

        def forward(self, windows):
            w, m = windows.shape[0], windows.shape[1]
            f = self.look(windows.reshape(w * m, 1, SIZE, SIZE)).mean((2, 3))
            return self.compare(f.reshape(w, m, 64).transpose(1, 2)).reshape(w, m)

    torch.manual_seed(4)
    return Focus()


def gathered(work):
    """What `data` has made so far: (first seed, scan, row) of each row, and the arrays."""
    parts = []
    for done in sorted(work.glob("done-*")):
        first = done.name[5:]
        n = int(done.read_text())
        parts += [(first, i, r) for i in range(n) for r in range(ROWS)]
    maps = {first: (np.load(work / f"windows-{first}.npy", "r"), np.load(work / f"truth-{first}.npy", "r")) for first in {p[0] for p in parts}}
    return parts, maps


def take(maps, rows, rng):
    import torch
    x, t = [], []
    for first, i, r in rows:
        w, truth = maps[first][0][i, r].astype(np.float32), maps[first][1][i, r]
        if rng is not None:
            w = w[rng.permutation(WINDOWS)[:TRAINED]]
            if rng.random() < 0.5:
                w = w.transpose(0, 1, 3, 2)
            w = w[:, :, ::rng.choice([-1, 1]), ::rng.choice([-1, 1])]
            place, step = truth
            if rng.random() < 0.5:
                w, place = w[:, ::-1], CENTRES - 1 - place
            w = w * np.exp(rng.normal(0, 0.15))
            truth = (place, step)
        x.append(w)
        t.append(truth)
    return torch.from_numpy(np.ascontiguousarray(np.stack(x))), torch.tensor(np.array(t, np.float32))


def target(truth):
    import torch
    place, step = truth[:, :1], truth[:, 1:]
    width = torch.maximum(torch.full_like(step, 0.6), 0.2 / step)
    return torch.softmax(-0.5 * ((torch.arange(CENTRES)[None] - place) / width) ** 2, 1)


def run_batch(net, x):
    b, w = x.shape[:2]
    return net(x.reshape(b * w, CENTRES, SIZE, SIZE)).reshape(b, w, CENTRES).sum(1)


def top(score):
    """The place of the maximum, by a parabola through it and its neighbours."""
    k = int(np.argmax(score))
    if 0 < k < len(score) - 1:
        a, b, c = score[k - 1:k + 2]
        if a - 2 * b + c < 0:
            return k + 0.5 * (a - c) / (a - 2 * b + c)
    return float(k)


def train(a):
    import torch
    torch.set_num_threads(a.threads)
    work, rng, net = pathlib.Path(a.work), np.random.default_rng(5), network()
    if a.go_on:
        net.load_state_dict(torch.load(work / "cor.pt"))
    start, seen = time.process_time(), 0
    opt = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=1e-3)
    losses = []
    while (used := (time.process_time() - start) / 60 / a.minutes) < 1:
        parts, maps = gathered(work)
        order = [p for p in parts if p[1] % 40]  # every 40th scan is for looking at progress
        rng.shuffle(order)
        for k in range(0, min(len(order), 400) - a.batch + 1, a.batch):
            used = (time.process_time() - start) / 60 / a.minutes
            rate = a.rate * min(1, (seen + 1) / 200 / a.batch * 2) * (0.5 + 0.5 * np.cos(np.pi * min(used, 1)))
            for g in opt.param_groups:
                g["lr"] = rate
            rows = [(str(f), int(i), int(r)) for f, i, r in order[k:k + a.batch]]
            x, t = take(maps, rows, rng)
            loss = -(target(t) * torch.log_softmax(run_batch(net, x), 1)).sum(1).mean() + (target(t) * torch.log(target(t) + 1e-9)).sum(1).mean()
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            losses.append(loss.item())
            seen += a.batch
        held = [p for p in parts if p[1] % 40 == 0]
        with torch.no_grad():
            off = []
            for p in held:
                x, t = take(maps, [p], None)
                off.append(abs(top(run_batch(net, x)[0].numpy()) - t[0, 0].item()) * t[0, 1].item())
        torch.save(net.state_dict(), work / "cor.pt")
        print(f"{(time.process_time() - start) / 60:5.1f} min  {seen} rows of {len(parts)}  loss {np.mean(losses[-100:]):.3f}  held {len(off)}: median {np.median(off):.3f} px, "
              f"{100 * np.mean(np.array(off) > 1):.1f} % beyond 1", flush=True)


# ---- the search, as src/steps/axis-ai.c does it ----

LOOK, INDEPENDENT = 28, 7  # windows that are asked, and how many of them count in the confidence
WIDTH = 15.0  # of the test's search, about a seed that is up to 0.8 of it off


def binned(sino, by):
    n = sino.shape[1] // by
    return sino[:, :n * by].reshape(len(sino), n, by).mean(2)


def score_list(lib, ask, sino, theta, by, centres):
    """Summed scores of a row of centres (columns of the full sinogram), reconstructed with `by` columns as one."""
    images = cor_sim.recon(lib, binned(sino, by), theta, (np.asarray(centres) + 0.5) / by - 0.5)
    corners = pick_windows(images[len(images) // 2], LOOK)
    return np.sum([ask(stack(images, [c])) for c in corners], 0)[0]


def coarse_step(width):
    return next((s for s in (1.0, 0.5) if width / s >= CENTRES - 1), 0.25)


def find_ai(lib, ask, sino, theta, lo, hi):
    """Centre, confidence: coarse on binned columns over the whole range, then finer and finer about the best."""
    by = 1
    while sino.shape[1] // (by * 2) >= 192:
        by *= 2
    step = coarse_step((hi - lo) / by)
    count = max(CENTRES, int(np.ceil((hi - lo) / by / step)) + 1)
    first = (lo + hi) / 2 - (count - 1) / 2 * step * by
    score = score_list(lib, ask, sino, theta, by, first + np.arange(count) * step * by)
    place = top(score)
    masses = [mass(score, place, 1.5)]
    best = first + place * step * by
    while by > 1 or step > 0.25:
        step, by = (0.5 if by > 1 or step > 0.5 else 0.25), max(1, by // 4)
        for _ in range(3):
            first = best - (CENTRES - 1) / 2 * step * by
            score = score_list(lib, ask, sino, theta, by, first + np.arange(CENTRES) * step * by)
            place = top(score)
            best = first + place * step * by
            if 1 <= place <= CENTRES - 2:
                break
        masses.append(mass(score, place, 1 / step))
    return best, masses


def mass(score, place, reach):
    p = np.exp((score - score.max()) * INDEPENDENT / LOOK)  # windows of one scan err together
    return p[np.abs(np.arange(len(p)) - place) <= reach].sum() / p.sum()


def half_turn(sino, theta):
    keep = theta - theta[0] < np.pi - 1e-9
    return sino[keep], theta[keep]


def others(a):
    """Scans for the test, and what vo, pc and entropy make of them: kept in DIR/test."""
    lib, work = cor_sim.library(a.build, a.work), pathlib.Path(a.work)
    lib.fft_wisdom_load(str(work / "wisdom").encode(), None, cor_sim.Err())
    (work / "test").mkdir(exist_ok=True)
    for seed in range(TEST_SEED + a.first_seed, TEST_SEED + a.first_seed + a.scans):
        d = cor_sim.make(seed, rows=32, wobble=a.wobble)
        middle = d["centre"] + np.random.default_rng(seed + 9_000_000).uniform(-0.8, 0.8) * WIDTH
        lo, hi = middle - WIDTH, middle + WIDTH
        row = {k: d[k] for k in ("kind", "columns", "views", "wide", "turn", "counts", "rings", "centre")} | {"lo": lo, "hi": hi, "seed": seed}
        for name, (got, sure) in {"vo": cor_sim.find_vo(lib, *half_turn(d["sino"], d["theta"]), lo, hi),
                                  "pc": cor_sim.find_pc(lib, *d["band"], lo, hi),
                                  "entropy": cor_sim.find_entropy(lib, *half_turn(d["sino"], d["theta"]), lo, hi)}.items():
            row[name], row[name + "_sure"] = got - d["centre"], sure
        np.savez(work / "test" / f"{seed}.new.npz", sino=d["sino"].astype(np.float16), theta=d["theta"], row=json.dumps(row, default=float))
        (work / "test" / f"{seed}.new.npz").rename(work / "test" / f"{seed}.npz")


def test(a):
    import torch
    torch.set_num_threads(a.threads)
    lib, work, net = cor_sim.library(a.build, a.work), pathlib.Path(a.work), network()
    lib.fft_wisdom_load(str(work / "wisdom").encode(), None, cor_sim.Err())
    net.load_state_dict(torch.load(work / "cor.pt"))

    def ask(x):
        with torch.no_grad():
            return net(torch.from_numpy(x)).numpy().astype(np.float64)

    rows = []
    for path in sorted((work / "test").glob("*[0-9].npz"))[:a.scans]:
        d = np.load(path)
        row = json.loads(str(d["row"]))
        got, masses = find_ai(lib, ask, d["sino"].astype(np.float32), d["theta"], row["lo"], row["hi"])
        if abs(row["vo"] - row["pc"]) >= CONFIRMED:
            a, b = sorted(row["centre"] + row[name] for name in ("vo", "pc"))
            row["third"] = find_ai(lib, ask, d["sino"].astype(np.float32), d["theta"], a - THIRD, b + THIRD)[0] - row["centre"]
        row["ai"], row["ai_sure"], row["masses"] = got - row["centre"], float(masses[0] * masses[-1]), [float(m) for m in masses]
        rows.append(row)
        if len(rows) % 40 == 0:
            report(rows)
    report(rows)
    (work / "test.json").write_text(json.dumps(rows, default=float))


CONFIRMED, THIRD = 0.25, 5.0  # as in src/math/centre.h and src/steps/axis.c


def auto(r, model):
    """What `auto` makes of vo and pc, and of the model's answer r[model] if there is one (centre_auto)."""
    if abs(r["vo"] - r["pc"]) < CONFIRMED:
        return (r["vo"] + r["pc"]) / 2
    if model:
        return float(np.median([r["vo"], r["pc"], r[model]]))
    return r["vo"] if abs(r["vo"] - r["pc"]) < 1.5 or r["vo_sure"] >= r["pc_sure"] else r["pc"]


def report(rows):
    print(f"{len(rows)} scans", flush=True)
    answers = {"ai": [r["ai"] if r["ai_sure"] >= 0.5 else auto(r, "ai") for r in rows], "model alone": [r["ai"] for r in rows],
               "auto": [auto(r, "third") for r in rows], "auto, no model": [auto(r, None) for r in rows],
               **{name: [r[name] for r in rows] for name in ("vo", "pc", "entropy")}}
    for name, e in answers.items():
        e = np.abs(e)
        print(f"  {name:14} median {np.median(e):6.3f}  95 % {np.percentile(e, 95):7.3f}  beyond 1 px {100 * np.mean(e > 1):5.1f} %", flush=True)


def export(a):
    import torch

    import cards
    net, folder = network(), pathlib.Path(a.to)
    net.load_state_dict(torch.load(pathlib.Path(a.work) / "cor.pt"))
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(net.eval(), torch.zeros(1, CENTRES, SIZE, SIZE), str(folder / "model.onnx"), opset_version=13, input_names=["windows"],
                      output_names=["scores"], dynamic_axes={"windows": {0: "window", 1: "centre"}, "scores": {0: "window", 1: "centre"}})
    cards.write(str(folder), {
        "gantry": 1, "name": "cor-gantry", "version": "2", "task": "cor",
        "description": "Looks at windows of try slices at a row of centres and scores how well each is in focus; trained on simulated scans",
        "architecture": "3 convolutions a window, 3 along the row of centres", "scores": SCORES,
        "input": {"modality": "XCT", "normalisation": "zscore", "patch": [SIZE, SIZE], "channels": CENTRES},
        "output": {"activation": "none"},
        "settings": {"look": {"type": "integer", "default": LOOK, "minimum": 1, "maximum": 64, "help": "windows that are asked"}},
        "licence": "MIT", "source": "models/train_cor.py of Gantry, seeds in models/README-cor.md"})


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["data", "train", "others", "test", "export"])
    p.add_argument("--build", default="build")
    p.add_argument("--work", default="/tmp/cor")
    p.add_argument("--scans", type=int, default=1600)
    p.add_argument("--first-seed", type=int, default=0)
    p.add_argument("--minutes", type=float, default=16)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--go-on", action="store_true")
    p.add_argument("--wobble", type=float, default=0.0, help="columns (deviation) by which views of the test's scans are off sideways")
    p.add_argument("--to")
    a = p.parse_args()
    globals()[a.what](a)


if __name__ == "__main__":
    main()
