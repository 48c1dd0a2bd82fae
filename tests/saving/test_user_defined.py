"""Layers that are not minidl's own, in files: constructors of all kinds."""

import inspect
import re
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    CheckpointError,
    Dense,
    Layer,
    MinidlWarning,
    Module,
    Parameter,
    ReLU,
    Sequential,
    Tanh,
    load,
    save,
)
from minidl.initializers import he_uniform, zeros
from minidl.layers.activations import Activation
from tests.helpers import bits
from tests.saving.helpers import again, all_of, plain


class Positional(Activation):
    def __init__(self, n: int, /, m: int = 2) -> None:
        self.n, self.m = n, m


class Variadic(Activation):
    def __init__(self, first: int, *rest: int, last: int = 0) -> None:
        self.first, self.rest, self.last = first, rest, last


class Keywords(Activation):
    def __init__(self, *, n: int, **options: Any) -> None:
        self.n, self.options = n, options


class AllKinds(Activation):
    def __init__(self, a: int, /, b: int = 2, *c: int, d: int, e: int = 5, **f: int) -> None:
        self.a, self.b, self.c, self.d, self.e, self.f = a, b, c, d, e, f


class Values(Activation):
    """Arguments of any type that a file holds."""

    def __init__(self, *values: Any) -> None:
        self.values = values


class Table(Activation):
    """An array as argument, which is learned."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.learned = Parameter(table)


class Branches(Activation):
    """Modules as arguments: one, a list and a dict of them."""

    def __init__(self, stem: Layer, branches: list[Layer], heads: dict[str, Layer]) -> None:
        self.stem, self.branches, self.heads = stem, branches, heads


class Drawn(Activation):
    """Draws its initial values from a generator that must be given, and keeps nothing of it."""

    def __init__(self, rng: Any, *sizes: int) -> None:
        self.sizes = sizes
        self.weight = Parameter(rng.normal(size=sizes))


class Typed(Activation):
    """Wants to know the type of its numbers, and keeps nothing of it."""

    def __init__(self, n: int, dtype: Any) -> None:
        self.n = n
        self.weight = Parameter(np.zeros(n, dtype))


class Noise(Activation):
    """Adds noise from a generator under a name of its own."""

    def __init__(self, size: float, source: np.random.Generator) -> None:
        self.size, self.source = size, source

    def forward(self, x: Any) -> Any:
        return x + self.size * self.source.normal(size=x.shape)


class Seeded(Activation):
    """Adds the same noise each time: it keeps a seed, not a generator."""

    def __init__(self, rng: int | None = None) -> None:
        self.rng = rng

    def forward(self, x: Any) -> Any:
        return x + np.random.default_rng(self.rng).normal(size=x.shape)


class FunctionFirst(Activation):
    def __init__(self, function: Callable[[Any], Any] = np.tanh, *sizes: int) -> None:
        self.function, self.sizes = function, sizes


class Quiet(Activation):
    """Need not be given a generator, and is another without."""

    def __init__(self, n: int, rng: Any = None, dtype: Any = float) -> None:
        self.n, self.given = n, (rng is not None, dtype)


class Sizes(Sequential):
    """A model that makes its layers from a list of sizes."""

    def __init__(self, sizes: list[int], rng: Any = None) -> None:
        self.sizes = sizes
        super().__init__(*(Dense(a, b) for a, b in pairwise(sizes)), rng=rng)


MAKE: list[Callable[[], Module]] = [
    lambda: Positional(1),
    lambda: Positional(1, 3),
    lambda: Variadic(1),
    lambda: Variadic(1, 2, 3, last=4),
    lambda: Keywords(n=1),
    lambda: Keywords(n=1, width=2, height=[3]),
    lambda: AllKinds(1, d=4),
    lambda: AllKinds(1, 2, 3, 3, d=4, e=6, x=7, y=8),
    lambda: Values(None, True, 2**100, 0.1, -np.inf, "text", [1], (2,), {"a": {"b": 3}}, he_uniform),
    lambda: Values(np.arange(3), [np.ones((2, 2), np.float32)], (0.5,) * 200, "x" * 2000),
    lambda: Table(np.arange(6.0).reshape(2, 3)),
    lambda: Branches(Dense(1, 2, rng=0), [ReLU(), Dense(2, 2, rng=1)], {"é": Dense(2, 1, rng=2), "b": ReLU()}),
    lambda: Branches(Sequential(Branches(ReLU(), [Tanh()], {})), [], {}),
    lambda: Drawn(np.random.default_rng(0), 2, 3),
    lambda: Typed(3, np.float32),
    lambda: Noise(0.5, np.random.default_rng(3)),
    lambda: Seeded(),
    lambda: Seeded(7),
    lambda: FunctionFirst(np.tanh, 1, 2),
    lambda: Sizes([2, 4, 1], rng=0),
    lambda: Dense(2, 3, initializer=zeros),
]


@pytest.mark.parametrize("make", MAKE)
def test_constructors_of_all_kinds(make: Callable[[], Module], tmp_path: Path) -> None:
    module: Any = make()
    loaded = again(Sequential(module), tmp_path)[0]
    assert all_of(loaded) == all_of(module)
    for name in inspect.signature(type(module)).parameters:
        if name not in ("stem", "branches", "heads", "source"):  # modules and generators, which all_of compares
            assert plain(vars(loaded).get(name)) == plain(vars(module).get(name))


def test_what_a_constructor_was_given_is_what_forward_uses(tmp_path: Path) -> None:
    x = np.zeros((2, 3))
    for layer in (Seeded(7), Noise(0.5, np.random.default_rng(3))):
        layer.forward(x)
        loaded = again(layer, tmp_path)
        assert bits(loaded.forward(x), loaded.forward(x)) == bits(layer.forward(x), layer.forward(x))


def test_what_need_not_be_given_is_not_given(tmp_path: Path) -> None:
    assert again(Quiet(3), tmp_path).given == (False, float)


class Forgetful(Activation):
    def __init__(self, n: int, width: int = 3) -> None:
        self.n = n


class WithFunction(Activation):
    def __init__(
        self,
        function: Callable[[Any], Any] = np.tanh,
        kind: type = ReLU,
        my_initializer: Any = he_uniform,
        second_initializer: Any = np.ones,
    ) -> None:
        self.function, self.kind = function, kind
        self.my_initializer, self.second_initializer = my_initializer, second_initializer


class NeedsInitializer(Activation):
    def __init__(self, initializer: Callable[[Any], Any]) -> None:
        self.initializer = initializer


UNSAVABLE: list[tuple[Callable[[], Module], str]] = [
    (
        lambda: Forgetful(1),
        "architecture.layers/1, Forgetful, could not be made again: its constructor does not keep the argument "
        "'width'; set self.width there",
    ),
    (
        lambda: WithFunction(np.sin),
        "architecture.layers/1, WithFunction, could not be made again: a file cannot hold the function passed as "
        "'function'; make it a method of a class of your own",
    ),
    (lambda: WithFunction(kind=Tanh), "a file cannot hold the function passed as 'kind'"),
    (lambda: NeedsInitializer(np.zeros), "a file cannot hold the function passed as 'initializer'"),
    (lambda: Values(np.sin), "architecture.layers/1.values/0 is of type ufunc"),
    (lambda: Values({"a": 1j}), "architecture.layers/1.values/0/a is of type complex"),
    (lambda: Keywords(n=1, path=Path("a")), "architecture.layers/1.options/path is of type PosixPath"),
]


@pytest.mark.parametrize(("make", "words"), UNSAVABLE)
def test_what_could_not_be_made_again_is_refused(make: Callable[[], Module], words: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=re.escape(words)):
        save(Sequential(ReLU(), make()), tmp_path / "model.npz")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_function_that_is_the_default_needs_no_saving(tmp_path: Path) -> None:
    loaded = again(WithFunction(), tmp_path)
    assert (loaded.function, loaded.kind, loaded.second_initializer) == (np.tanh, ReLU, np.ones)


def test_an_initializer_of_your_own_is_left_out_with_a_warning(tmp_path: Path) -> None:
    words = (
        "architecture.layers/1, Dense: the function passed as 'initializer' is not one of minidl.initializers and "
        "is not saved; a loaded model has the default in its place"
    )
    model = Sequential(ReLU(), Dense(2, 3, initializer=lambda rng, shape: rng.random(shape)), rng=0)
    with pytest.warns(MinidlWarning, match=words):
        save(model, tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert bits(loaded[1].weight.value) == bits(model[1].weight.value)  # type: ignore[attr-defined]
    assert loaded[1].initializer is Dense(2, 3).initializer
    with pytest.warns(MinidlWarning, match="'second_initializer' is not one"):
        save(WithFunction(second_initializer=np.zeros), tmp_path / "model.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save(WithFunction(my_initializer=zeros), tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").my_initializer is zeros


def test_arguments_of_an_older_or_newer_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Positional(1, 2), tmp_path / "model.npz")

    def older(self: Any, n: int, /) -> None:
        self.n = n

    def newer(self: Any, n: int, /, m: int, size: int) -> None:
        self.n, self.m, self.size = n, m, size

    def stricter(self: Any, n: int, /, m: int) -> None:  # noqa: ARG001
        raise ZeroDivisionError("n and m do not fit")

    for constructor, words in (
        (older, r"describes a Positional with \['m'\], which it does not take"),
        (newer, "describes a Positional that cannot be made: .*missing 1 required positional argument: 'size'"),
        (stricter, "describes a Positional that cannot be made: n and m do not fit"),
    ):
        monkeypatch.setattr(Positional, "__init__", constructor)
        with pytest.raises(CheckpointError, match=words):
            load(tmp_path / "model.npz")
