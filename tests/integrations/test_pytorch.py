"""Models of PyTorch predict the same here, and there again, for all layers that both have."""

from typing import Any

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    Conv1D,
    Conv2D,
    CrossAttention,
    Dense,
    GroupNorm,
    HyperparameterError,
    Layer,
    RMSNorm,
    SelfAttention,
    Sequential,
    TransformerBlock,
)
from minidl.integrations import load_torch, torch_state
from tests.helpers import unchanged
from tests.integrations.torch_cases import CASES, LOADED, Case
from tests.integrations.torch_models import torch

TOLERANCE = 1e-9


def shaken(module: Any, seed: int = 0) -> Any:
    """A module in float64 whose weights are all different, running statistics included."""
    generator = torch.Generator().manual_seed(seed)
    module = module.double().eval()
    with torch.no_grad():
        for name, value in [*module.named_parameters(), *module.named_buffers()]:
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                value.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else 0.4 * drawn)
    return module


def outputs(case: Case, own: Layer, other: Any) -> tuple[Any, Any]:
    x, there = case.batches()
    y = other(there).detach().numpy()
    return own.predict(x), y if y.ndim < 4 else y.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", [*CASES, *LOADED])
def test_a_model_of_pytorch_predicts_the_same_here(name: str) -> None:
    case = {**CASES, **LOADED}[name]
    own, other = case.own(), shaken(case.other())
    load_torch(own, other, **case.options)
    y, expected = outputs(case, own, other)
    assert np.abs(y).max() > 0.05
    assert np.abs(y - expected).max() <= TOLERANCE


@pytest.mark.parametrize("name", CASES)
def test_a_model_of_minidl_predicts_the_same_there(name: str) -> None:
    case = CASES[name]
    own, other = case.own(), shaken(case.other())
    load_torch(own, other, **case.options)  # eps, too, which is not in a state
    rng = np.random.default_rng(2)
    for key, value in own.state().items():
        value = rng.normal(size=value.shape)
        own.load_state({**own.state(), key: np.abs(value) if key.endswith("running_var") else value})
    state = {key: torch.from_numpy(value) for key, value in torch_state(own, **case.options).items()}
    other.load_state_dict(state)
    y, expected = outputs(case, own, other)
    assert np.abs(y - expected).max() <= TOLERANCE * max(1, np.abs(y).max())


@pytest.mark.parametrize(("memory", "bias"), [(None, True), (4, True), (4, False)])
def test_cross_attention(memory: int | None, bias: bool) -> None:
    size = memory or 6
    mha = shaken(torch.nn.MultiheadAttention(6, 2, kdim=size, vdim=size, bias=bias, batch_first=True))
    own = CrossAttention(6, 2, memory=memory, use_bias=bias, rng=0)
    load_torch(own, mha)
    rng = np.random.default_rng(0)
    queries, seen = rng.normal(size=(3, 5, 6)), rng.normal(size=(3, 4, size))
    tensors = [torch.from_numpy(each) for each in (queries, seen, seen)]
    assert np.abs(own.predict((queries, seen)) - mha(*tensors)[0].detach().numpy()).max() <= TOLERANCE
    for name, array in torch_state(own).items():
        assert np.array_equal(array, mha.state_dict()[name].numpy())


def test_norms_take_over_eps_and_momentum_from_a_module_only() -> None:
    own = Sequential(BatchNorm(3, momentum=0.5), RMSNorm(3))
    norm: Any = own[0]
    other = torch.nn.Sequential(torch.nn.BatchNorm1d(3, eps=0.25, momentum=0.125), torch.nn.RMSNorm(3))
    load_torch(own, other.state_dict())
    assert (norm.eps, norm.momentum) == (1e-5, 0.5)
    load_torch(own, other.float())
    assert (norm.eps, norm.momentum) == (0.25, 0.125)
    rms: Any = own[1]
    assert rms.eps == 2.0**-23  # PyTorch's default is the resolution of the type


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a mean over all batches": (
        lambda: BatchNorm(3),
        lambda: torch.nn.BatchNorm1d(3, momentum=None),
        "momentum=None, the mean over all batches",
    ),
    "groups": (lambda: GroupNorm(2, 6), lambda: torch.nn.GroupNorm(3, 6), r"3 groups, GroupNorm\(2, 6\) 2"),
    "heads": (
        lambda: SelfAttention(6, 2),
        lambda: torch.nn.MultiheadAttention(6, 3),
        r"3 heads, SelfAttention\(6, 2\) 2",
    ),
    "stride": (
        lambda: Conv2D(3, 8, 3),
        lambda: torch.nn.Conv2d(3, 8, 3, stride=2),
        r"the module has stride=\(2, 2\), Conv2D\(3, 8, 3\) stride=1",
    ),
    "padding": (
        lambda: Sequential(Conv1D(3, 8, 3)),
        lambda: torch.nn.Sequential(torch.nn.Conv1d(3, 8, 3, padding=1)),
        r"0 has padding=\(1,\), Conv1D\(3, 8, 3\) padding=0",
    ),
    "padding of one axis": (
        lambda: Conv2D(3, 8, 3, padding=(0, 1)),
        lambda: torch.nn.Conv2d(3, 8, 3, padding=1),
        r"padding=\(1, 1\), Conv2D\(3, 8, 3, padding=\(0, 1\)\) padding=\(0, 1\)",
    ),
    "reflection": (
        lambda: Conv2D(3, 8, 3, padding=1),
        lambda: torch.nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
        "padding_mode='reflect'; .* pads with zeros",
    ),
    "norms behind": (
        lambda: TransformerBlock(4, 2),
        lambda: torch.nn.TransformerEncoderLayer(4, 2, 16),
        "norm_first=False",
    ),
    "the default activation": (
        lambda: Sequential(TransformerBlock(4, 2)),
        lambda: torch.nn.Sequential(torch.nn.TransformerEncoderLayer(4, 2, 16, norm_first=True)),
        r"0 has activation=relu; .*the exact GELU",
    ),
    "an approximate activation": (
        lambda: TransformerBlock(4, 2),
        lambda: torch.nn.TransformerEncoderLayer(4, 2, 16, activation=torch.nn.GELU("tanh"), norm_first=True),
        r"activation=GELU\(approximate='tanh'\); .*the exact GELU",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_minidl_does_not_have_are_refused(name: str) -> None:
    make, other, message = REFUSED[name]
    own = make()
    with unchanged(own), pytest.raises(HyperparameterError, match=message):
        load_torch(own, other())


def test_padding_may_be_a_layer_of_its_own() -> None:
    other = torch.nn.Sequential(torch.nn.ZeroPad2d(1), torch.nn.Conv2d(3, 8, 3)).double()
    own = Conv2D(3, 8, 3, padding=1)
    load_torch(own, other)
    x = torch.rand(2, 3, 5, 5, dtype=torch.float64)
    theirs = other(x).detach().permute(0, 2, 3, 1).numpy()
    assert abs(own.predict(x.permute(0, 2, 3, 1)) - theirs).max() < TOLERANCE


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "float32"])
def test_narrow_floats_are_exact(kind: str) -> None:
    linear = torch.nn.Linear(3, 2).to(getattr(torch, kind))
    own = Dense(3, 2)
    load_torch(own, linear)
    assert own.weight.value.T.tolist() == linear.weight.tolist()
    assert own.dtype == np.float64


def test_no_memory_is_shared() -> None:
    linear = torch.nn.Linear(3, 2).double()
    own = Dense(3, 2)
    load_torch(own, linear)
    before = own.weight.value.copy()
    with torch.no_grad():
        linear.weight += 1
    assert np.array_equal(own.weight.value, before)
    state = torch_state(own)
    state["weight"] += 1
    assert np.array_equal(own.weight.value, before)
