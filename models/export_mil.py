"""Turns a PyTorch checkpoint of the CT classifier into a model folder for `gantry model add`, with your own PyTorch.

    python3 models/export_mil.py CHECKPOINT.pth FOLDER --name my-ct --version 2.1 --licence "..." --source "who trained it"
    gantry model add FOLDER

Reference architecture: a ResNet50 without its last layer as the encoder of a slice (2048 features), attention pooling over
64 slices, one logit. torchvision is not needed: the ResNet50 below has torchvision's names of weights. Weights are looked
for under the usual prefixes (module., model., encoder., backbone., ...); what is missing or left over is listed and
refused, for a half-filled network would answer with confidence. `--checkpoint-names` prints the names in the file.

    python3 models/export_mil.py --random FOLDER             # random weights: to try the way, never to use
"""
import argparse
import os
import sys

import torch
from torch import nn

import cards
import to_onnx

SLICES, SIZE, WIDTH = 64, 256, 2048
PREFIXES = ("module.", "model.", "net.", "network.")
ENCODERS = ("encoder.", "backbone.", "feature_extractor.", "resnet.", "cnn.")
# children of nn.Sequential(*list(resnet.children())[:-1]), as many people cut a ResNet
SEQUENTIAL = {"0.": "conv1.", "1.": "bn1.", "4.": "layer1.", "5.": "layer2.", "6.": "layer3.", "7.": "layer4."}


class Bottleneck(nn.Module):
    def __init__(self, before, narrow, stride):
        super().__init__()
        after = 4 * narrow
        self.conv1, self.bn1 = nn.Conv2d(before, narrow, 1, bias=False), nn.BatchNorm2d(narrow)
        self.conv2, self.bn2 = nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False), nn.BatchNorm2d(narrow)
        self.conv3, self.bn3 = nn.Conv2d(narrow, after, 1, bias=False), nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet50(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        before = 64
        for i, (narrow, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
            layer = []
            for k in range(count):
                layer.append(Bottleneck(before, narrow, 2 if i > 1 and k == 0 else 1))
                before = 4 * narrow
            setattr(self, f"layer{i}", nn.Sequential(*layer))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean(dim=(2, 3))


class Attention(nn.Module):
    """tanh attention; with `gated`, times a sigmoid gate (both of Ilse, Tomczak, Welling 2018)."""

    def __init__(self, hidden, gated):
        super().__init__()
        self.V, self.w = nn.Linear(WIDTH, hidden), nn.Linear(hidden, 1)
        self.U = nn.Linear(WIDTH, hidden) if gated else None

    def forward(self, x):
        y = torch.tanh(self.V(x))
        if self.U is not None:
            y = y * torch.sigmoid(self.U(x))
        return torch.softmax(self.w(y).squeeze(-1), dim=1)


class Network(nn.Module):
    def __init__(self, channels=1, hidden=256, gated=False, mean=0.0, deviation=1.0):
        super().__init__()
        self.channels, self.mean, self.deviation = channels, mean, deviation
        self.encoder, self.attention, self.head = ResNet50(channels), Attention(hidden, gated), nn.Linear(WIDTH, 1)

    def forward(self, bag):
        """[1, 64, 1, 256, 256] of 0..1 -> logit [1, 1], attention [1, 64]"""
        x = (bag.reshape(-1, 1, SIZE, SIZE) - self.mean) / self.deviation
        features = to_onnx.in_parts(self.encoder, x.expand(-1, self.channels, -1, -1))[None]
        weights = self.attention(features)
        return self.head((features * weights.unsqueeze(-1)).sum(dim=1)), weights


def without(name, prefixes):
    while name.startswith(prefixes):
        name = next(name[len(p):] for p in prefixes if name.startswith(p))
    return name


def encoder_name(name):
    """The ResNet's own name of a weight, or None: encoder.layer1.0..., backbone.4.0..., layer1.0..."""
    short = without(name, ENCODERS)
    if short != name or short.startswith(("conv1.", "bn1.", "layer")):
        for number, word in SEQUENTIAL.items():
            if short.startswith(number):
                return word + short[len(number):]
        return short
    return None


def sort_weights(state):
    """Names of a checkpoint -> names of Network: the encoder by its names, attention and head by shape (a person's names for
    those differ, their shapes do not). Returns the weights, hidden width, gated?, channels, and what found no place."""
    found, rest = {}, {}
    for full, value in state.items():
        name = without(full, PREFIXES)
        inner = encoder_name(name)
        if inner is not None and not inner.startswith("fc."):
            found["encoder." + inner] = value
        elif inner is None:
            rest[name] = value
    wide = [n for n, v in rest.items() if v.ndim == 2 and v.shape[1] == WIDTH and v.shape[0] > 1]
    score = [n for n, v in rest.items() if v.ndim == 2 and v.shape[0] == 1 and v.shape[1] != WIDTH]
    head = [n for n, v in rest.items() if tuple(v.shape) == (1, WIDTH)]
    if len(wide) not in (1, 2) or len(score) != 1 or len(head) != 1:
        sys.exit("export_mil: cannot tell attention and head apart among " + (", ".join(sorted(rest)) or "no weights at all")
            + "; expected one or two [hidden, 2048], one [1, hidden] and one [1, 2048]")
    places = {"attention.V": wide[0], "attention.w": score[0], "head": head[0]}
    if len(wide) == 2:  # in the order of the file: tanh branch first, then the gate
        places["attention.U"] = wide[1]
    for place, name in places.items():
        found[place + ".weight"] = rest.pop(name)
        bias = name[: -len("weight")] + "bias"
        found[place + ".bias"] = rest.pop(bias) if bias in rest else torch.zeros(found[place + ".weight"].shape[0])
    return found, found["attention.V.weight"].shape[0], len(wide) == 2, rest


def load(path, options):
    try:
        state = torch.load(path, map_location="cpu")
    except Exception as problem:  # whatever unpickling throws: the person needs the file's name and one line
        sys.exit(f"export_mil: cannot read '{path}': {problem}")
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if isinstance(state, nn.Module):
        state = state.state_dict()
    if options.checkpoint_names:
        for name, value in state.items():
            print(name, tuple(value.shape))
        sys.exit(0)
    weights, hidden, gated, rest = sort_weights(state)
    if "encoder.conv1.weight" not in weights:
        sys.exit(f"export_mil: '{path}' has no conv1 of a ResNet50; is it another architecture?")
    model = Network(weights["encoder.conv1.weight"].shape[1], hidden, gated, options.mean, options.deviation)
    answer = model.load_state_dict(weights, strict=False)
    missing = [n for n in answer.missing_keys if not n.endswith("num_batches_tracked")]
    left = [*answer.unexpected_keys, *rest]
    if missing or left:
        sys.exit(f"export_mil: '{path}' does not fit: {len(missing)} weights missing ({', '.join(missing[:5])}), "
            f"{len(left)} left over ({', '.join(left[:5])})")
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", nargs="?", help="a .pth or .pt file that you trust: unpickling runs what is in it")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--name", default=None, help="default: the folder's name")
    parser.add_argument("--version", default="1")
    parser.add_argument("--licence", default="unknown")
    parser.add_argument("--source", default="unknown")
    parser.add_argument("--mean", type=float, default=0.0, help="subtracted from 0..1 before the network (ImageNet: 0.449)")
    parser.add_argument("--deviation", type=float, default=1.0, help="divided by, after that (ImageNet: 0.226)")
    parser.add_argument("--random", action="store_true", help="random weights, to try the way")
    parser.add_argument("--checkpoint-names", action="store_true", help="print names and shapes in the checkpoint")
    options = parser.parse_args()
    if options.random:
        options.folder = options.folder or options.checkpoint
        torch.manual_seed(6)
        model = Network()
    elif options.checkpoint:
        model = load(options.checkpoint, options)
    if not options.folder:
        parser.error("a folder to write is needed")
    to_onnx.write(model, torch.zeros(1, SLICES, 1, SIZE, SIZE), options.folder, ["slices"], ["logit", "attention"])
    name = options.name or os.path.basename(os.path.abspath(options.folder))
    words = "" if options.random else f"Exported from {os.path.basename(options.checkpoint)}."
    cards.write(options.folder, cards.mil(cards.card(name, options.version, "classification", options.licence, options.source,
        words, architecture="ResNet50 a slice, attention pooling", demonstration="DEMONSTRATION model of random weights: to try the way, never to use." if options.random else "")))
    print(f"{options.folder}: model.onnx, model.json; now: gantry model add {options.folder}")


if __name__ == "__main__":
    main()
