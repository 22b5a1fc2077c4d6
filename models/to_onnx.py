"""From a trained PyTorch module to model.onnx (opset 13), small and frugal to run."""
import os

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(module):
    """Batch norms behind a convolution become part of it (in place): fewer nodes, and one copy of the weights however often
    the graph uses them. Relies on modules being registered in the order in which they are applied."""
    before = last = None
    for name, child in list(module.named_children()):
        if isinstance(child, (nn.BatchNorm2d, nn.BatchNorm3d)) and isinstance(before, (nn.Conv2d, nn.Conv3d)):
            setattr(module, last, fuse_conv_bn_eval(before.eval(), child.eval()))
            setattr(module, name, nn.Identity())
        else:
            fold(child)
        before, last = child, name
    return module


def in_parts(encoder, slices, part=8):
    """The slices of a bag through the encoder a few at a time: the memory of 8 instead of 64."""
    return torch.cat([encoder(slices[i:i + part]) for i in range(0, len(slices), part)])


def write(model, example, folder, inputs, outputs):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "model.onnx")
    torch.onnx.export(fold(model.eval()), example, path + ".new", opset_version=13, input_names=inputs, output_names=outputs)
    os.replace(path + ".new", path)
    try:
        import onnx
    except ImportError:
        return
    onnx.checker.check_model(path)
