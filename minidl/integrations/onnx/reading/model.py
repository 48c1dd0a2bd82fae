"""ONNX files as models."""

from __future__ import annotations

import os

import numpy as np

from minidl.errors import CheckpointError
from minidl.files import absolute, content_of, warn_of_values
from minidl.integrations.onnx.package import onnx_package
from minidl.integrations.onnx.reading.chain import Chain, LayoutError
from minidl.integrations.onnx.reading.external import load_external
from minidl.integrations.onnx.reading.patterns import recognised
from minidl.integrations.onnx.reading.source import Source
from minidl.integrations.onnx.reading.steps import check_operators, follow
from minidl.layers.sequential import Sequential
from minidl.modules import Layer

__all__ = ["load_onnx"]


def load_onnx(path: str | os.PathLike[str]) -> Sequential:
    """Make a model of an ONNX file, such as PyTorch's two exporters write of dense and convolutional networks.

    So a network that was trained in PyTorch runs, and is trained further, on NumPy alone. The layers are those of
    minidl, and their parameters are float32 or float64 as in the file.

    PyTorch has the channels of images first, minidl has them last. If operators of the file act on images (channels,
    height, width), samples are (height, width, channels) here: pass ``np.moveaxis(x, 1, -1)``. Convolutions, pooling
    and norms are such operators. The same holds for sequences (channels, time), and for outputs. All other arrays keep
    their axes. The weights behind a Flatten are laid out for the order of the numbers here.

    It reads Gemm, MatMul, Conv, ConvTranspose, pooling, batch, layer, instance and group normalization, the activations
    that minidl has, constants per feature that are added or multiplied, changes of shape, embeddings, and branches that
    are added, multiplied or concatenated, as in residual networks. Nothing in a file is run. Arrays that lie in other
    files are only read from the folder of the file and those below.

    Args:
        path: the file. Only the batch axis may be dynamic.

    Raises:
        CheckpointError: a damaged file, an operator that is not among these, or a path that leads out of the
            folder. The message names the operator.
        ImportError: the package onnx is not installed.
        OSError: the file does not exist or cannot be read.
    """
    package = onnx_package()
    with open(absolute(path), "rb") as file:
        data = file.read()
    with content_of(path):
        try:
            model = package.load_model_from_string(data)
        except Exception as error:  # protobuf has several implementations, each with errors of its own
            raise CheckpointError(f"is damaged, or not an ONNX file: {error}") from error
        load_external(model, os.path.dirname(absolute(path)))
        source = Source(model)
        layers = _layers(source)
        made = Sequential(*layers, dtype=np.float64 if source.dtype == np.float64 else np.float32)
    warn_of_values(made.state(), path)
    return made


def _layers(source: Source) -> list[Layer]:
    """The layers of a graph, for the first way in which its samples may lie in memory that fits all of them.

    Nothing in a file says whether the axes of a sample are those of an image, but its operators do.
    """
    if (shape := source.input_shape) is None:
        raise CheckpointError("does not tell the shape of its input; export the model again, with fixed sizes")
    check_operators(source.needed())
    steps = recognised(source.steps())
    refusals: dict[int, LayoutError] = {}
    for turned in ((), (3,), (2, 3)):
        chain = Chain(shape, turned)
        try:
            follow(chain, steps)
            chain.finished(source.output)
        except LayoutError as error:
            refusals.setdefault(len(chain.layers), error)
            continue
        return chain.layers
    raise refusals[max(refusals)]  # the way that went furthest
