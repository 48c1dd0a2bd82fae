"""The rows of layers for images and sequences, which have the channels last: in PyTorch or Keras."""

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tests.golden.rows import Row, row

os.environ["KERAS_BACKEND"] = "torch"
from keras import ops  # reads it


class ChannelsLast:
    """Put before a layer of PyTorch, it takes and returns images and sequences with the channels last."""

    def forward(self, x: Any) -> Any:
        y: Any = super().forward(x.movedim(-1, 1))  # type: ignore[misc]
        return y.movedim(1, -1)


def channels_last(kind: Any, *args: Any, **kwargs: Any) -> Any:
    return type(kind.__name__, (ChannelsLast, kind), {})(*args, **kwargs)


def convolution(name: str, kind: Any, size: Any, channels: int = 2, filters: int = 2, **settings: Any) -> Row:
    theirs = channels_last(kind, channels, filters, size, **settings)
    return row(name, theirs, channels=channels, filters=filters, kernel_size=size, **settings)


def depthwise(size: Any, multiplier: int, channels: int = 2, **settings: Any) -> Row:
    theirs = channels_last(nn.Conv2d, channels, channels * multiplier, size, groups=channels, **settings)
    return row("DepthwiseConv2D", theirs, channels=channels, kernel_size=size, multiplier=multiplier, **settings)


def pool(name: str, kind: Any, size: Any, **settings: Any) -> Row:
    return row(name, channels_last(kind, size, **settings), pool_size=size, **settings)


class InKeras(nn.Module):  # type: ignore[misc]  # torch is not there when types are checked
    """A layer of Keras with padding "same" on images of 2 channels. PyTorch has no such padding with a stride."""

    def __init__(self, function: Callable[..., Any], shape: tuple[int, ...], strides: int, outputs: int) -> None:
        super().__init__()
        self.function, self.strides = function, strides
        if shape:
            self.weight, self.bias = nn.Parameter(torch.zeros(shape)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Any) -> Any:
        how = {"strides": self.strides, "padding": "same", "data_format": "channels_last"}
        return self.function(x, self.weight, **how) + self.bias if hasattr(self, "bias") else self.function(x, **how)


def same_convolution(name: str, size: tuple[int, int], stride: int) -> Row:
    kernels = {"channels": 2, "filters": 3, "kernel_size": size}
    function = ops.conv
    if name == "ConvTranspose2D":  # filters come before channels there
        function = lambda x, weight, **how: ops.conv_transpose(x, weight.swapaxes(-1, -2), **how)  # noqa: E731
    if name == "DepthwiseConv2D":
        kernels, function = {"channels": 2, "kernel_size": size, "multiplier": 3}, ops.depthwise_conv
    theirs = InKeras(function, (*size, 2, 3), stride, 6 if name == "DepthwiseConv2D" else 3)
    return row(name, theirs, stride=stride, padding="same", **kernels)


def same_pool(name: str, function: Callable[..., Any], size: tuple[int, int], stride: int) -> Row:
    theirs = InKeras(lambda x, **how: function(x, size, **how), (), stride, 0)
    return row(name, theirs, pool_size=size, stride=stride, padding="same")


def average_pool(x: Any, size: tuple[int, int], strides: int, **_: Any) -> Any:
    """The average without padding, for images of which one row and one column are missing at the end.

    On PyTorch, Keras counts copies of the border as numbers, other than on TensorFlow.
    """
    ones = torch.ones_like(x)
    sums, counts = (nn.functional.pad(each.movedim(-1, 1), (0, 1, 0, 1)) for each in (x, ones))
    pooled = nn.functional.avg_pool2d(sums, size, strides) / nn.functional.avg_pool2d(counts, size, strides)
    return pooled.movedim(1, -1)


def global_average_pool(axes: int) -> Row:
    kind = nn.AdaptiveAvgPool1d if axes == 1 else nn.AdaptiveAvgPool2d
    return row(f"GlobalAveragePool{axes}D", nn.Sequential(channels_last(kind, 1), nn.Flatten()))


IMAGE_LAYERS = [
    # Images of 5 × 4: with a stride of 2, one row or column is left over.
    (convolution("Conv2D", nn.Conv2d, 3), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, (1, 2), stride=2), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 2, stride=(2, 3), padding=(0, 1)), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 2, dilation=(3, 2), padding=1), 5, 4, 2),
    (convolution("Conv2D", nn.Conv2d, 3, channels=1, stride=2, padding=1), 5, 4, 1),
    (convolution("Conv2D", nn.Conv2d, 2, stride=2, padding=3, dilation=2), 5, 4, 2),
    (convolution("Conv1D", nn.Conv1d, 3, filters=3, stride=2, padding=2, dilation=2), 7, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 3), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 2, filters=3, stride=3, padding=1), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, (3, 2), stride=2, padding=1, output_padding=(1, 0)), 3, 2, 2),
    (convolution("ConvTranspose2D", nn.ConvTranspose2d, 2, stride=(2, 1), dilation=2, padding=(0, 1)), 3, 2, 2),
    (depthwise(3, 1), 5, 4, 2),
    (depthwise((2, 1), 3, stride=2, padding=1, dilation=(2, 1)), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, 2), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, (3, 2), stride=(1, 2), padding=1), 5, 4, 2),
    (pool("MaxPool2D", nn.MaxPool2d, 2, stride=3), 5, 4, 2),
    (row("AveragePool2D", channels_last(nn.AvgPool2d, 2)), 5, 4, 2),
    (
        row(
            "AveragePool2D",
            channels_last(nn.AvgPool2d, 3, stride=(2, 1), padding=1, count_include_pad=False),
            pool_size=3,
            stride=(2, 1),
            padding=1,
        ),
        5,
        4,
        2,
    ),
    (global_average_pool(2), 5, 4, 2),
    (same_convolution("Conv2D", (2, 3), 2), 5, 4, 2),
    (same_convolution("Conv2D", (1, 2), 3), 5, 4, 2),
    (same_convolution("DepthwiseConv2D", (2, 3), 2), 5, 4, 2),
    (same_convolution("ConvTranspose2D", (3, 2), 2), 3, 2, 2),
    (same_pool("MaxPool2D", ops.max_pool, (2, 3), 2), 5, 4, 2),
    (same_pool("AveragePool2D", average_pool, (2, 3), 2), 5, 4, 2),
    (global_average_pool(1), 7, 2),
]
