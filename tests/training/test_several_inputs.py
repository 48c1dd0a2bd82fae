"""Models of several inputs are trained, measured, saved and resumed like those of one: each test compares the two."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    Adam,
    Batches,
    BatchNorm,
    Branches,
    Checkpoint,
    CheckpointError,
    Concatenate,
    CrossEntropyLoss,
    DataError,
    Dense,
    DivergenceError,
    Dropout,
    Embedding,
    EmpiricalRisk,
    Flatten,
    Loss,
    MinidlWarning,
    MSELoss,
    Parallel,
    Sequential,
    ShapeError,
    Tanh,
    Trainer,
    metrics,
)
from minidl.modules import Layer
from minidl.typing import Array, ArrayLike, Shape
from tests.callbacks.recording import At, fails
from tests.helpers import bits, bits_of, held_out, unchanged

RNG = np.random.default_rng(0)
A, B, Y = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2, 2)), RNG.normal(size=(20, 1))
IDS = RNG.integers(0, 9, (20, 4))
JOINED = np.concatenate([A, B.reshape(20, 4)], axis=1)


class Cut(Layer):
    """Cuts one array into the two inputs, to compare a model of two inputs with the same model of one."""

    def output_shape(self, shape: Shape | None) -> Shape | None:
        return (3,), (2, 2)

    def forward(self, x: Array) -> Any:
        return x[:, :3].copy(), x[:, 3:].reshape(-1, 2, 2).copy()

    def backward(self, grad: Any) -> Array:
        return np.concatenate([grad[0], grad[1].reshape(-1, 4)], axis=1)


def network(*first: Layer) -> Sequential:
    towers = Parallel(Sequential(Dense(3, 4), Tanh()), Sequential(Flatten(), Dense(4, 2)))
    return Sequential(*first, towers, Concatenate(), BatchNorm(6), Dropout(0.2, rng=1), Dense(6, 1), rng=0)


def make(model: Layer, *callbacks: Any, loss: Loss | None = None) -> Trainer:
    return Trainer(model, loss or MSELoss(), Adam(model.parameters(), lr=0.05), callbacks)


SETTINGS: list[dict[str, Any]] = [
    {},
    {"batch_size": 6},
    {"batch_size": 4, "accumulate": 2},
    {"batch_size": 6, "shuffle": False, "training_loss": True},
    {"batch_size": 6, "validation": 0.25},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_training_on_two_inputs_is_training_on_both_joined(settings: dict[str, Any]) -> None:
    two, one = make(network()), make(network(Cut()))
    two.fit((A, B), Y, epochs=4, rng=0, **settings)
    one.fit(JOINED, Y, epochs=4, rng=0, **settings)
    assert two.history.loss == one.history.loss
    assert two.history.epochs == one.history.epochs
    assert bits_of(two.model) == bits_of(one.model)
    assert two.evaluate((A, B), Y, {"r2": metrics.r2}) == one.evaluate(JOINED, Y, {"r2": metrics.r2})
    assert two.evaluate((A, B), Y, batch_size=7) == one.evaluate(JOINED, Y, batch_size=7)
    assert bits(two.model.predict((A, B))) == bits(one.model.predict(JOINED))
    np.testing.assert_allclose(two.model.predict((A.tolist(), B), batch_size=3), one.model.predict(JOINED), rtol=1e-12)


def test_validation_data_are_a_pair_whose_first_is_a_tuple() -> None:
    trainer = make(network())
    history = trainer.fit((A[:10], B[:10]), Y[:10], epochs=2, validation=((A[10:], B[10:]), Y[10:]))
    assert history.epochs["validation_loss"][-1] == trainer.evaluate((A[10:], B[10:]), Y[10:])["loss"]


def test_the_risk_of_two_inputs() -> None:
    two, one = EmpiricalRisk(network(), MSELoss(), (A, B), Y), EmpiricalRisk(network(Cut()), MSELoss(), JOINED, Y)
    theta = two.model.parameters().value.copy()
    assert two.value(theta) == one.value(theta)
    np.testing.assert_array_equal(two.gradient(theta), one.gradient(theta))
    assert repr(two).endswith("20 samples)")
    two.model.astype(np.float32)
    two.forward()
    assert {array.dtype for array in (*two.x, two.y)} == {np.dtype(np.float32)}


def test_ids_stay_ids_when_the_dtype_of_a_risk_changes() -> None:
    model = Sequential(Parallel(Sequential(Embedding(9, 2), Flatten()), Dense(3, 1)), Concatenate(), Dense(9, 1), rng=0)
    risk = EmpiricalRisk(model, MSELoss(), (IDS, A), Y)
    risk.forward()
    model.astype(np.float32)
    risk.forward()
    assert [array.dtype for array in risk.x] == [np.int64, np.float32]


def test_targets_of_a_float32_model_of_ids_are_float32() -> None:
    model = Sequential(Embedding(9, 2), Flatten(), Dense(8, 1), rng=0, dtype=np.float32)
    assert EmpiricalRisk(model, MSELoss(), IDS, Y).y.dtype == np.float32


def test_scores_and_classes_with_leading_axes() -> None:
    model = Sequential(Embedding(9, 8), Dense(8, 9), rng=0)
    trainer = make(model, loss=CrossEntropyLoss())
    target = (IDS + 1) % 9
    trainer.fit(IDS, target, epochs=60, batch_size=5, validation=(IDS, target), metrics={"accuracy": metrics.accuracy})
    assert trainer.history.epochs["validation_accuracy"][-1] == 1.0
    soft = np.eye(9)[target]
    assert trainer.evaluate(IDS, soft, {"accuracy": metrics.accuracy})["accuracy"] == 1.0
    np.testing.assert_allclose(trainer.evaluate(IDS, soft)["loss"], trainer.evaluate(IDS, target)["loss"], rtol=1e-12)
    with pytest.raises(ShapeError, match=r"takes classes of shape \(n, 4\) or probabilities of shape \(n, 4, 9\)"):
        trainer.fit(IDS, target[:, 0])


WRONG: list[tuple[Any, Any, type[Exception], str]] = [
    ((A, B), Y[:19], ShapeError, "x has 20 samples but y has 19"),
    ((A, B[:19]), Y, ShapeError, r"the arrays of (validation )?x must have equally many samples, .* got 20, 19"),
    ((A, B, Y), Y, DataError, "takes 2 inputs, one for each layer, got 3"),
    ((B, A), Y, ShapeError, r"Dense\(3, 4\) takes samples of shape \(3,\), got \(2, 2\)"),
    (A, Y, DataError, "takes several inputs, a tuple of arrays, got ndarray"),
    ((A, B * np.inf), Y, DataError, r"x\[1\] holds .* NaN or infinite"),
    ((), Y, DataError, "takes several inputs, a tuple of arrays, got an empty one"),
    ([A, B], Y, DataError, "takes several inputs, a tuple of arrays, got list"),
    ((A, (B, B)), Y, DataError, "takes one array, got a tuple of 2"),
    ((A, 3.0), Y, ShapeError, r"x\[1\] must have the batch as its first axis, got a single number"),
]


@pytest.mark.parametrize(("x", "y", "error", "words"), WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(x: Any, y: Any, error: type[Exception], words: str) -> None:
    trainer = make(network())
    calls: list[Callable[[Any, Any], object]] = [
        trainer.fit,
        trainer.evaluate,
        lambda x, y: EmpiricalRisk(trainer.model, MSELoss(), x, y),
        lambda x, y: trainer.fit((A, B), Y, validation=(x, y)),
    ]
    for call in calls:
        with unchanged(trainer.model), pytest.raises(error, match=words) as caught:
            call(x, y)
        assert not any("column_stack" in note for note in getattr(caught.value, "__notes__", []))
    if len(y) == 20:
        with pytest.raises((ShapeError, DataError)) as caught:
            trainer.model.predict(x, batch_size=5)
        assert not any("column_stack" in note for note in getattr(caught.value, "__notes__", []))


def test_predict_in_parts_refuses_arrays_of_different_length() -> None:
    with pytest.raises(ShapeError, match="equally many samples"):
        network().predict((A, B[:19]), batch_size=5)
    with pytest.raises(DataError, match=r"^x is an empty tuple; at least one array is needed"):
        network().predict((), batch_size=5)


def test_batches_and_held_out_data_of_a_tuple() -> None:
    batches = Batches((A, B), Y, batch_size=6, rng=0)
    for (a, b), y in batches:
        for sample in range(len(y)):
            (place,) = np.flatnonzero((a[sample] == A).all(axis=1))
            np.testing.assert_array_equal(b[sample], B[place])
            np.testing.assert_array_equal(y[sample], Y[place])
    (train, _), (held, _) = held_out((A, B), Y, 0.25)
    assert [len(array) for array in (*train, *held)] == [15, 15, 5, 5]
    with pytest.raises(ShapeError, match="equally many samples"):
        Batches((A, B[:3]), Y)
    with pytest.raises(ShapeError, match="x has 20 samples but y has 3"):
        Batches((A, B), Y[:3])
    with pytest.raises(TypeError, match=r"x must be an array, got str; pass np.asarray\(x\)"):
        Batches((A, "no"), Y)
    with pytest.raises(ShapeError, match="the arrays of y must have equally many samples, their first axis, got 20, 3"):
        Batches((A, B), (Y, Y[:3]))
    pairs: list[tuple[Any, Any, str]] = [((), Y, "x"), (A, (), "y")]
    for x, y, name in pairs:
        with pytest.raises(DataError, match=f"^{name} is an empty tuple; at least one array is needed"):
            Batches(x, y)


@pytest.mark.parametrize("every_steps", [1, 3, 4, 9])
def test_a_resumed_run_of_two_inputs_ends_bit_for_bit(every_steps: int, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    settings: dict[str, Any] = {"batch_size": 6, "validation": ((A[:5], B[:5]), Y[:5]), "rng": 0}
    broken_off = At("on_epoch_end", 3, fails), Checkpoint(path, every_steps=every_steps, every_epochs=None)
    whole, first = make(network()), make(network(), *broken_off)
    whole.fit((A, B), Y, epochs=5, **settings)
    with pytest.raises(KeyError):
        first.fit((A, B), Y, epochs=3, **settings)
    resumed = make(network())
    resumed.fit((A, B), Y, epochs=5, resume_from=path, **settings)
    assert bits_of(resumed.model) == bits_of(whole.model)
    assert resumed.history.loss == whole.history.loss
    assert resumed.history.epochs == whole.history.epochs
    with pytest.warns(MinidlWarning, match="on other data"):
        make(network()).fit((A, B + 1), Y, epochs=5, resume_from=path, **settings)
    with pytest.warns(MinidlWarning, match="with other validation data"):
        make(network()).fit((A, B), Y, epochs=5, resume_from=path, **{**settings, "validation": ((A, B), Y)})
    with pytest.raises(CheckpointError, match="is of a run with the model"):
        make(network(Cut())).fit(JOINED, Y, epochs=5, resume_from=path, **{**settings, "validation": 0.2})


def test_a_divergence_names_the_branch_and_holds_both_inputs() -> None:
    model = Sequential(Parallel(Dense(3, 2), Sequential(Flatten(), Dense(4, 2))), Concatenate(), Dense(4, 1), rng=0)
    model.parameters()["0.1.1.weight"].value = np.full((4, 2), np.nan)
    with pytest.raises(DivergenceError, match=r"first in layer 0\.1\.1, Dense\(4, 2\), forward") as caught:
        make(model).fit((A, B), Y)
    assert caught.value.layer == "0.1.1"
    assert caught.value.batch is not None
    assert bits(caught.value.batch[0]) == bits((A, B))


class SumOfLosses(Loss):
    """The sum of two mean squared errors, for a model of two outputs."""

    def check_target(self, target: ArrayLike, prediction: Shape | None = None, dtype: Any = None) -> Any:
        return tuple(super(SumOfLosses, self).check_target(each, None, dtype) for each in target)

    def forward(self, prediction: Any, target: Any) -> float:
        self.parts = [MSELoss() for _ in target]
        pairs = zip(self.parts, prediction, target, strict=True)
        return sum(loss.forward(p, y) for loss, p, y in pairs)

    def backward(self) -> Any:
        return tuple(loss.backward() for loss in self.parts)


def test_several_outputs_take_a_loss_of_their_own() -> None:
    model = Sequential(Dense(3, 4), Tanh(), Branches(Dense(4, 1), Dense(4, 2)), rng=0)
    with pytest.raises(ShapeError, match="MSELoss takes one array, but the model returns 2; end it with Concatenate"):
        make(model).fit(A, Y)
    with pytest.raises(ShapeError, match="CrossEntropyLoss takes one array, but the model returns 2"):
        make(model, loss=CrossEntropyLoss()).fit(A, IDS[:, 0])
    trainer = make(model, loss=SumOfLosses())
    targets = A[:, :1] * A[:, 1:2], A[:, :2]
    trainer.fit(A, targets, epochs=200, batch_size=10, rng=0)
    assert trainer.history.loss[-1] < 0.1 * trainer.history.loss[0]
    assert trainer.evaluate(A, targets, batch_size=3)["loss"] == pytest.approx(trainer.evaluate(A, targets)["loss"])
    assert copy.deepcopy(model).predict(A)[1].shape == (20, 2)
    for call in (trainer.fit, trainer.evaluate, lambda x, y: EmpiricalRisk(model, SumOfLosses(), x, y)):
        with pytest.raises(ShapeError, match="the arrays of y must have equally many samples"):
            call(A, (targets[0], targets[1][:9]))
