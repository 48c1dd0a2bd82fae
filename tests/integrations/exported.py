"""Networks of PyTorch, as they are exported to ONNX files."""

import logging
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# The tests skip themselves without it.
torch: Any = import_module("torch") if find_spec("torch") else None
nn: Any = getattr(torch, "nn", None)

Make = Callable[[], Any]


def residual(*layers: Any) -> Any:
    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(*layers)

        def forward(self, x: Any) -> Any:
            return torch.relu(x + self.inner(x))

    return Residual()


def side_by_side(left: Any, right: Any) -> Any:
    class Both(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = left, right

        def forward(self, x: Any) -> Any:
            return torch.cat([self.left(x), self.right(x)], 1)

    return Both()


def function(call: Callable[[Any], Any]) -> Any:
    class Function(nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return call(x)

    return Function()


def per_channel(*values: float) -> Any:
    return torch.tensor(values)[:, None, None]


MODELS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "MLP": (
        lambda: nn.Sequential(
            nn.Linear(5, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 4, bias=False), nn.LeakyReLU(0.3), nn.Linear(4, 3)
        ),
        (5,),
    ),
    "MLP of images": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Tanh(), nn.Softmax(-1)), (3, 3, 4)),
    "MLP of sequences": (
        lambda: nn.Sequential(
            nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), function(lambda x: x.mean(1)), nn.Linear(6, 2), nn.Sigmoid()
        ),
        (5, 4),
    ),
    "CNN": (
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(4, 8, (3, 2), stride=(1, 2), groups=4, bias=False), nn.ELU(0.7), nn.Conv2d(8, 3, 1)),
            *(nn.Flatten(), nn.BatchNorm1d(3 * 3 * 2), nn.PReLU(), nn.LayerNorm(18), nn.Linear(18, 3)),
        ),
        (2, 10, 9),
    ),
    "CNN with view": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.SiLU(), function(lambda x: x.view(x.size(0), -1)), nn.Linear(3 * 4 * 5, 2)
        ),
        (1, 6, 7),
    ),
    "CNN with norms": (
        lambda: nn.Sequential(
            *(nn.InstanceNorm2d(3, affine=True), nn.Conv2d(3, 4, (3, 2), dilation=(1, 2), padding="same")),
            *(nn.Softplus(), nn.GroupNorm(2, 4), nn.Softmax(1), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        ),
        (3, 6, 7),
    ),
    "CNN of prepared images": (
        lambda: nn.Sequential(
            function(lambda x: (x - per_channel(0.1, 0.2, 0.3)) / per_channel(1.0, 2.0, 3.0)),
            *(nn.Conv2d(3, 4, 3, padding=1), nn.SiLU(), function(lambda x: 1 - 2 * x)),
            *(nn.AvgPool2d(2, padding=1), nn.AvgPool2d(2, 1, padding=1, count_include_pad=False)),
            *(nn.Flatten(1), nn.Linear(4 * 16, 3)),
        ),
        (3, 4, 4),
    ),
    "CNN of sequences": (
        lambda: nn.Sequential(
            *(nn.Conv1d(3, 5, 4, stride=2, padding=1), nn.BatchNorm1d(5), nn.PReLU(5), nn.MaxPool1d(2)),
            *(nn.AvgPool1d(2, stride=1), nn.Flatten(), nn.Linear(10, 4), nn.BatchNorm1d(4)),
        ),
        (3, 13),
    ),
    "CNN with a mean over time": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), function(lambda x: x.squeeze(-1)), nn.Linear(5, 4)
        ),
        (3, 9),
    ),
    "channels moved": (
        lambda: nn.Sequential(
            function(lambda x: x.permute(0, 3, 1, 2)),
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            function(lambda x: x.permute(0, 2, 3, 1)),
            nn.Linear(4, 2),
        ),
        (6, 5, 3),
    ),
    "residual network": (
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
            residual(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1)),
            residual(residual(nn.Conv2d(6, 6, 1)), nn.BatchNorm2d(6)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
        ),
        (3, 8, 7),
    ),
    "branches": (
        lambda: nn.Sequential(
            side_by_side(nn.Conv2d(3, 2, 1), nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(3, 4, 1))),
            nn.Flatten(),
            side_by_side(nn.Linear(6 * 20, 3), nn.Identity()),
            nn.Linear(123, 2),
        ),
        (3, 4, 5),
    ),
    "decoder": (
        lambda: nn.Sequential(
            *(nn.Linear(5, 2 * 3 * 4), nn.ReLU(), nn.Unflatten(1, (2, 3, 4))),
            *(nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), nn.GELU("tanh")),
            nn.ConvTranspose2d(3, 2, (1, 2), dilation=2, bias=False),
        ),
        (5,),
    ),
}
"""How to make a model, and the shape of a sample."""


def made(make: Make) -> Any:
    """A model in evaluation whose statistics and parameters are not those that it begins with."""
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def export(model: Any, x: Any, path: Path, *, dynamo: bool, dynamic: bool = True, opset: int | None = None) -> None:
    """Write a model by one of PyTorch's exporters, which both warn of themselves."""
    options: dict[str, Any] = {"input_names": ["x"], "dynamo": dynamo, "opset_version": opset}
    if dynamic and dynamo:
        options["dynamic_shapes"] = ({0: torch.export.Dim("n")},)
    elif dynamic:
        options["dynamic_axes"] = {"x": {0: "n"}}
    if dynamo:
        options["verbose"] = False
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (x,), path, **options)
    finally:
        logging.disable(level)
