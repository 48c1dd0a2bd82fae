"""Containers and layers that a user derives or builds: all that is inside is found, seeded, trained and counted."""

from collections.abc import Callable

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Dense,
    Dropout,
    Layer,
    MSELoss,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    StateError,
    Tanh,
    Trainer,
)
from minidl.checking import check_layer
from minidl.modules import backward_without_dx
from minidl.typing import Array, Shape
from tests.helpers import bits
from tests.layers.test_sequential import Probe
from tests.user_defined import Doubled, Scale, Scaled, Skip, Sum

X = np.random.default_rng(0).normal(size=(6, 3))


class Tripled(Dense):
    """A Dense layer with both ways back of its own, each by that of Dense."""

    def backward(self, grad: Array) -> Array:
        return super().backward(3 * grad)

    def backward_parameters(self, grad: Array) -> None:
        super().backward_parameters(3 * grad)


class Again(Doubled):
    """Overrides backward once more."""

    def backward(self, grad: Array) -> Array:
        return 1.5 * super().backward(grad)


class DoubledChain(Sequential):
    def forward(self, x: Array) -> Array:
        return 2 * super().forward(x)

    def backward(self, grad: Array) -> Array:
        return super().backward(2 * grad)


@pytest.mark.parametrize(
    ("layer", "factor"),
    [
        (Doubled(3, 2, rng=0), 2.0),
        (Again(3, 2, rng=0), 2.0),
        (Tripled(3, 2, rng=0), 3.0),
        (DoubledChain(Dense(3, 2, rng=0)), 2.0),
        (DoubledChain(DoubledChain(Doubled(3, 2, rng=0))), 8.0),
    ],
)
@pytest.mark.parametrize("wrap", [lambda layer: layer, Sequential, lambda layer: Sequential(ReLU(), Sequential(layer))])
def test_a_backward_of_its_own_counts_also_where_nobody_wants_the_gradient_of_the_data(
    layer: Layer, factor: float, wrap: Callable[[Layer], Layer]
) -> None:
    plain, grad, x = Dense(3, 2, rng=0), np.random.default_rng(1).normal(size=(6, 2)), np.abs(X)
    model = wrap(layer)
    for each in (plain, model):
        each.forward(x)
    plain.backward(grad)
    for call in (model.backward, getattr(model, backward_without_dx(type(model)))):
        model.parameters().grad = np.full(8, np.nan)
        call(grad)
        np.testing.assert_allclose(layer.parameters().grad, factor * plain.parameters().grad, rtol=1e-14)


def test_residual_goes_the_short_way_back() -> None:
    log: list[str] = []
    model = Sequential(Residual(Probe(log, "a"), Probe(log, "b", learns=True)), Probe(log, "c"))
    model.forward(X)
    model.backward_parameters(X)
    assert log == ["c.backward", "b.backward_parameters"]


class Wide(Residual):
    """A block that keeps parameters and layers in every way beside those that it hands on."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.encoder = Dense(width, width, rng=0)
        super().__init__(self.encoder, Sequential(Tanh(), Dropout(0.5, rng=0)))
        self.drop, self.both = self[1], list(self)  # other names of the same layers
        self.alpha = Parameter(np.ones(width))
        self.more = [Dense(width, width, rng=1)]

    @property
    def weight(self) -> Parameter:
        """Another name of a Parameter."""
        return self.encoder.weight


def test_attributes_of_a_container_are_found_after_its_layers() -> None:
    wide = Wide(3)
    names = ["0.weight", "0.bias", "alpha", "more.0.weight", "more.0.bias"]
    assert [name for name, _ in wide.named_parameters()] == names
    assert list(wide.state()) == names
    assert wide.parameters().size == 9 + 3 + 3 + 9 + 3
    assert Sequential(wide, ReLU()).parameters().names == tuple(f"0.{name}" for name in names)
    assert [name for name, _ in wide.children()] == ["0", "1", "alpha", "more.0"]
    assert wide.weight is wide.parameters()["0.weight"]
    assert wide.astype(np.float32).alpha.dtype == wide.more[0].dtype == np.float32
    wide.training = False
    assert not wide.more[0].training


def test_a_parameter_that_is_reached_twice_is_refused() -> None:
    for alias in (lambda wide: wide.encoder.weight, lambda wide: wide[:1], lambda wide: {"all": wide[:]}):
        wide = Wide(3)
        vars(wide)["alias"] = alias(wide)
        with pytest.raises(StateError, match=r"is in two places.* a property for"):
            wide.parameters()
        with pytest.raises(StateError, match="is in two places"):
            Sequential(wide)


def test_a_parameter_beside_the_layers_is_trained() -> None:
    model = Sequential(Dense(3, 2), Scaled(Dense(2, 1), Tanh()), rng=0)
    inner = model[1]
    assert isinstance(inner, Scaled)
    trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.1))
    history = trainer.fit(X, 2 * np.tanh(X[:, :1]), epochs=300)
    assert inner.alpha.value > 1.0
    assert history.loss[-1] < 0.1 * history.loss[0]


def test_a_summary_counts_what_stands_beside_the_layers() -> None:
    model = Sequential(ReLU(), Wide(3))
    rows = list(model.summary_rows("", (3,)))
    assert [row.path for row in rows] == ["0", "1.0", "1.1.0", "1.1.1", "1.alpha", "1.more.0"]
    assert [row.parameters for row in rows] == [0, 12, 0, 0, 3, 12]
    assert [row.memory for row in rows] == [0, 192, 0, 0, 48, 192]
    assert rows[4].layer == "Parameter(shape=(3,), dtype=float64)"
    assert model.summary().parameters == model.parameters().size


def test_a_seed_reaches_the_layers_inside_a_layer() -> None:
    def make(seed: int) -> Sequential:
        return Sequential(Dense(3, 4), Sum(Dense(4, 2), Skip(Dense(4, 2))), Dense(2, 1), rng=seed)

    assert bits(make(0).parameters().value) == bits(make(0).parameters().value)
    assert bits(make(0).parameters().value) != bits(make(1).parameters().value)
    generator = np.random.default_rng(0)
    one_by_one = [Dense(3, 4, rng=generator), Dense(4, 2, rng=generator), Dense(4, 2, rng=generator)]
    one_by_one.append(Dense(2, 1, rng=generator))
    expected = np.concatenate([layer.parameters().value for layer in one_by_one])
    assert bits(make(0).parameters().value) == bits(expected)
    both = Sum(Dense(3, 3), Dense(3, 3))
    both.initialize(0)
    assert bits(both.a.parameters().value) != bits(both.b.parameters().value)
    wide = Wide(3)
    wide.initialize(5)
    generator = np.random.default_rng(5)
    first, other = Dense(3, 3, rng=generator), Dense(3, 3, rng=generator)
    assert bits(wide.encoder.weight.value, wide.more[0].weight.value) == bits(first.weight.value, other.weight.value)


def test_without_layers_inside_no_generator_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np.random, "default_rng", None)
    Scale(3).initialize(0)
    Sequential(rng=0)


class Center(Layer):
    """``y = x − mean of the batch``."""

    mixes_samples = True

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return shape

    def forward(self, x: Array) -> Array:
        y: Array = x - x.mean(axis=0)
        return y

    def backward(self, grad: Array) -> Array:
        grad_x: Array = grad - grad.mean(axis=0)
        return grad_x


@pytest.mark.parametrize(
    "make",
    [
        lambda: Center(),
        lambda: Sequential(Dense(3, 3), Center()),
        lambda: Residual(Dense(3, 3), Center()),
        lambda: Sequential(Tanh(), Sequential(Residual(Center()))),
        lambda: Sequential(Skip(Center())),
        lambda: Sum(Dense(3, 3), Center()),
    ],
)
def test_what_holds_a_layer_that_mixes_samples_mixes_them(make: Callable[[], Layer]) -> None:
    layer = make()
    assert layer.mixes_samples
    check_layer(layer, X)


@pytest.mark.parametrize("layer", [Dense(3, 3), Sequential(), Residual(Dense(3, 3), BatchNorm(3)), Skip(ReLU())])
def test_other_layers_do_not_mix_samples(layer: Layer) -> None:
    assert not layer.mixes_samples
