"""Model folders for tests: ONNX files of a few nodes, written byte by byte (protocol buffers of onnx.proto3), and cards."""
import hashlib
import json
import os
import pathlib

SOURCE = pathlib.Path(__file__).parents[2]


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def value_info(name, shape):
    dims = b"".join(block(1, number(1, n) if n else block(2, "any")) for n in shape)
    return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims)))


def node(op, inputs, output, **attributes):
    out = b"".join(block(1, name) for name in inputs) + block(2, output) + block(4, op)
    for name, value in attributes.items():
        items = [number(8, v) for v in value] + [number(20, 7)] if isinstance(value, list) else [number(3, value), number(20, 2)]
        out += block(5, block(1, name) + b"".join(items))
    return out


def model(nodes, inputs, outputs):
    graph = b"".join(block(1, n) for n in nodes) + block(2, "test")
    graph += b"".join(block(11, value_info(*i)) for i in inputs) + b"".join(block(12, value_info(*o)) for o in outputs)
    return number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, 13))


def two_classes(*shape):
    """-x and x for each voxel of 1 x 1 x shape (0: any)."""
    return model([node("Neg", ["x"], "minus"), node("Concat", ["minus", "x"], "y", axis=1)],
        [("x", (1, 1, *shape))], [("y", (1, 2, *shape))])


def bag_mean(slices, rows, columns):
    """One logit of a bag: its mean."""
    return model([node("ReduceMean", ["bag"], "mean", axes=[1, 2, 3, 4]), node("Flatten", ["mean"], "logit", axis=1)],
        [("bag", (1, slices, 1, rows, columns))], [("logit", (1, 1))])


def card(onnx, **more):
    document = {
        "gantry": 1, "name": "tiny", "version": "1.0", "task": "segmentation",
        "description": "two classes by sign",
        "input": {"modality": "MR", "patch": [4, 3, 2], "channels": 1, "normalisation": "zscore"},
        "output": {"labels": ["background", "bright"], "activation": "softmax"},
        "settings": {"overlap": {"type": "number", "minimum": 0, "maximum": 0.9, "default": 0.5, "help": "of patches"}},
        "licence": "MIT", "source": "a test", "checksum": "sha256:" + hashlib.sha256(onnx).hexdigest(),
    }
    document.update(more)
    return document


def write(folder, onnx, document=None, name="model.json"):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(onnx)
    (folder / name).write_text(json.dumps(document or card(onnx)))
    return folder


def runtime():
    """Where ONNX Runtime is for tests, or None: the same places as the program's."""
    told = os.environ.get("GANTRY_ORT")
    places = [told] if told else [SOURCE / "third-party" / "onnxruntime" / "libonnxruntime.so.1",
        pathlib.Path.home() / ".local/share/gantry/onnxruntime/libonnxruntime.so.1"]
    return next((str(p) for p in places if p and pathlib.Path(p).exists()), None)
