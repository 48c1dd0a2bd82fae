"""generate: greedy, by temperature, among the best, for models with a state; and what it refuses."""

from math import exp
from typing import Any

import numpy as np
import pytest

from minidl import (
    DataError,
    Dense,
    Dropout,
    Embedding,
    HyperparameterError,
    Layer,
    Parameter,
    Sequential,
    ShapeError,
    Softmax,
    StateError,
    generate,
)
from minidl.typing import Array, Shape
from tests.helpers import bits

K = 5


class Moments(Layer):
    """A recurrent language model by hand: ``h ← tanh(W[id] + h U)``, scores h V. It has `most` positions."""

    takes_integers = True

    def __init__(self, features: int = 4, most: int = 100, rng: int = 0) -> None:
        rng_ = np.random.default_rng(rng)
        self.features, self.most = features, most
        self.w = Parameter(rng_.normal(size=(K, features)))
        self.u = Parameter(rng_.normal(size=(features, features)))
        self.v = Parameter(3 * rng_.normal(size=(features, K)))

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        before, position = (0.0, 0) if state is None else state
        if position >= self.most:
            raise ShapeError("no such position")
        h = np.tanh(self.w.value[x] + np.dot(before, self.u.value) if position else self.w.value[x])
        return h @ self.v.value, (h, position + 1)

    def forward(self, x: Array) -> Array:
        state, moments = None, []
        for moment in x.T:
            y, state = self.step(moment, state)
            moments.append(y)
        return np.stack(moments, axis=1)

    def backward(self, grad: Array) -> Array:
        raise NotImplementedError

    def output_shape(self, shape: Shape | None) -> Shape | None:
        if shape and shape[0] is not None and shape[0] > self.most:
            raise ShapeError(f"Moments has {self.most} positions, got {shape[0]}")
        return None


def after(model: Layer, prompt: Any, new: Any) -> Array:
    """The scores for each of the new ids, from forward over all that came before it."""
    whole = np.concatenate([prompt, new], axis=-1)
    return model.predict(whole)[:, np.shape(prompt)[1] - 1 : -1]


@pytest.mark.parametrize("prompt", [[[3]], [[0, 4, 1]], [[1, 2], [2, 1], [0, 0]]])
def test_temperature_0_is_the_highest_score_each_time(prompt: list[list[int]]) -> None:
    model = Moments()
    new = generate(model, prompt, 12, temperature=0)
    assert new.shape == (len(prompt), 12)
    assert new.dtype == np.intp
    np.testing.assert_array_equal(new, after(model, prompt, new).argmax(axis=-1))
    np.testing.assert_array_equal(new, generate(model, prompt, 12, top_k=1, rng=0))
    assert len(np.unique(new)) > 1


def test_one_text_is_a_batch_of_one() -> None:
    model, prompt = Moments(), [0, 4, 1]
    options: dict[str, Any]
    for options in ({"temperature": 0}, {"rng": 3}, {"rng": 3, "top_k": 2, "temperature": 0.5}):
        one, batch = generate(model, prompt, 9, **options), generate(model, [prompt], 9, **options)
        assert one.shape == (9,)
        np.testing.assert_array_equal(one, batch[0])


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, None), (3.0, 3), (1.0, 99), (5e-324, None)])
def test_ids_are_drawn_with_their_probabilities(temperature: float, top_k: int | None) -> None:
    """40,000 draws: a share deviates by more than 0.0125, five standard deviations, once in a million."""
    scores = np.array([1.5, 0.0, 1.0, -1.0, 2.0])
    model = Embedding(K, K)
    model.weight.value = np.tile(scores, (K, 1))
    new = generate(model, np.zeros((200, 1), int), 200, temperature=temperature, top_k=top_k, rng=0)
    shares = np.bincount(new.ravel(), minlength=K) / new.size
    best = sorted(scores)[-min(top_k or K, K) :]
    weights = [exp((z - 2) / max(temperature, 1e-300)) if z in best else 0.0 for z in scores]
    np.testing.assert_allclose(shares, np.array(weights) / sum(weights), atol=0.0125)
    assert not shares[[weight == 0 for weight in weights]].any()


def test_only_the_ids_with_the_highest_scores_are_drawn() -> None:
    # Alike enough for all to be drawn, and more than the 256 that some processors sort where NumPy only partitions.
    scores = np.random.default_rng(0).permutation(300) / 300
    model = Embedding(300, 300)
    model.weight.value = np.tile(scores, (300, 1))
    for top_k in (1, 2, 7, 299, 300):
        new = generate(model, np.zeros((200, 1), int), 40, top_k=top_k, rng=0)
        assert np.unique(new).tolist() == sorted(scores.argsort()[-top_k:].tolist())


def test_draws_come_from_the_generator() -> None:
    model = Moments()
    first = generate(model, [0], 30, rng=7)
    np.testing.assert_array_equal(first, generate(model, [0], 30, temperature=1.0, rng=7))
    np.testing.assert_array_equal(first, generate(model, [0], 30, rng=7))
    np.testing.assert_array_equal(first, generate(model, [0], 30, rng=np.random.default_rng(7)))
    assert (first != generate(model, [0], 30, rng=8)).any()
    rng = np.random.default_rng(7)
    assert (generate(model, [0], 30, rng=rng) != generate(model, [0], 30, rng=rng)).any()


def test_probabilities_are_scores_by_their_logarithms() -> None:
    model = Embedding(K, K, rng=0)
    probable = Sequential(Embedding(K, K, rng=0), Softmax())
    options: dict[str, Any]
    for options in ({"temperature": 0}, {"rng": 1, "temperature": 2.0}, {"rng": 1, "top_k": 2}):
        found = generate(probable, [0, 1], 20, **options)
        np.testing.assert_array_equal(found, generate(model, [0, 1], 20, **options))


def test_the_model_works_as_in_evaluation_and_does_not_change() -> None:
    model = Sequential(Embedding(K, 4), Dropout(0.5, rng=1), Dense(4, K), rng=0)
    state = bits(*model.state().values())
    still = generate(model, [0], 20, temperature=0)
    np.testing.assert_array_equal(still, generate(model, [0], 20, temperature=0))
    assert bits(*model.state().values()) == state
    assert model.training


def test_beyond_the_positions_it_raises_before_anything_is_drawn() -> None:
    model = Moments(most=6)
    assert generate(model, [0, 1, 2], 4, temperature=0).shape == (4,)  # the last new id needs no position
    rng = np.random.default_rng(0)
    for length in (5, 9):
        with pytest.raises(ShapeError, match=f"6 positions, got {2 + length}") as caught:
            generate(model, [0, 1, 2], length, rng=rng)
        need = f"a prompt of 3 ids and {length} new ones need {2 + length} positions"
        assert caught.value.__notes__ == [f"{need}; at most 4 new ones fit: pass length=4, or a shorter prompt"]
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


@pytest.mark.parametrize(
    ("prompt", "error", "words"),
    [
        ([], DataError, "prompt is empty"),
        ([0.0], DataError, "prompt must hold ids, which are integers, got float64"),
        ([0, -1], DataError, "prompt must hold ids from 0"),
        ([0, K], DataError, rf"prompt must hold ids from 0 to {K - 1}, but there is {K}"),
        ([[[0]]], ShapeError, r"ids \(t,\) or \(n, t\), got shape \(1, 1, 1\)"),
        (0, ShapeError, "single number"),
        ("abc", DataError, "prompt must hold ids, which are integers, got text"),
        ([[0], [1, 2]], DataError, "prompt is not an array"),
    ],
)
def test_prompts_that_are_refused(prompt: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        generate(Embedding(K, K), prompt, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"length": 0}, "length must be a positive integer"),
        ({"temperature": -1}, "temperature must be a finite number, at least 0, got -1"),
        ({"temperature": float("inf")}, "temperature must be a finite number"),
        ({"top_k": 0}, "top_k must be a positive integer"),
        ({"rng": -1}, "rng must be None"),
    ],
)
def test_settings_that_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(HyperparameterError, match=words):
        generate(Embedding(K, K), [0], **{"length": 3, **options})


class Wrong(Embedding):
    """Returns what is not scores (n, k)."""

    def __init__(self, y: Any) -> None:
        super().__init__(K, K)
        self.y = y

    def step(self, x: Array, state: Any = None) -> tuple[Array, Any]:
        return self.y, None


def test_models_that_are_refused() -> None:
    with pytest.raises(TypeError, match=r"model must be of type Layer, got \[0\]"):
        generate([0], Embedding(K, K), 3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"takes ids, got Dense\(1, 1\); begin it with an Embedding"):
        generate(Dense(1, 1), [0], 3)
    for y, shape in (
        (np.zeros((1, 2, K)), r"\(1, 2, 5\)"),
        (np.zeros((2, K)), r"\(2, 5\)"),
        ((np.zeros(K),), r"\(1, 5\)"),
    ):
        with pytest.raises(ShapeError, match=rf"scores \(n, k\) for each time step, got {shape} for 1 texts"):
            generate(Wrong(y), [0], 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite(bad: float) -> None:
    model = Embedding(K, K, rng=0)
    model.weight.value[1, :] = bad
    with pytest.raises(StateError, match="the scores for new id 0 are not finite"):
        generate(model, [0, 1], 3, rng=0)
    with pytest.raises(StateError, match="the scores for new id 0 are not finite"):
        generate(model, [[0], [1]], 3, rng=0)
    model.weight.value[1, 0] = 1.0  # −∞ beside a finite score means never
    if bad < 0:
        assert generate(model, [0, 1], 1, rng=0).tolist() == [0]
