"""No digits of large numbers are lost in a float32 model, and the statistics are in its file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    SGD,
    Adam,
    Add,
    Branches,
    Concatenate,
    DataError,
    Dense,
    EmpiricalRisk,
    Layer,
    MSELoss,
    Parallel,
    Residual,
    Sequential,
    Siamese,
    Standardize,
    Trainer,
    load,
    save,
)
from minidl.typing import Array, Batch
from tests.helpers import bits

TIMES = 1_700_000_000 + np.arange(100)[:, None]
"""Unix times, one per second: float32 cannot tell one from the next."""

EXPECTED = (np.arange(100)[:, None] - 49.5) / np.sqrt((100**2 - 1) / 12)


def first() -> Standardize:
    return Standardize(1).adapt(TIMES)


def same(x: Array) -> Batch:
    return x


def twice(x: Array) -> Batch:
    return x, x


PLACES: list[tuple[Callable[[], Layer], Callable[[Array], Batch]]] = [
    (lambda: Sequential(first(), Dense(1, 1)), same),
    (lambda: Sequential(Sequential(first(), Dense(1, 1))), same),
    (lambda: Sequential(Parallel(first(), Sequential(first(), Dense(1, 1))), Add(), Dense(1, 1)), twice),
    (lambda: Sequential(Branches(first(), first()), Concatenate(), Dense(2, 1)), same),
    (lambda: Sequential(Siamese(Sequential(first(), Dense(1, 1))), Add()), twice),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [int, float])
def test_no_digits_are_lost_in_a_float32_model(place: Any, kind: type) -> None:
    make, given_as = place
    x, y = given_as(TIMES.astype(kind)), np.sin(EXPECTED)
    single, double = make(), make()
    for model in (single, double):
        model.initialize(0)
    single.astype(np.float32)
    steps = []
    for model in (single, double):
        trainer = Trainer(model, MSELoss(), SGD(model.parameters(), lr=0.01))
        trainer.fit(x, y, epochs=3, batch_size=30, validation=0.2, rng=0)
        assert model.predict(x).dtype == model.dtype
        risk = EmpiricalRisk(model, MSELoss(), x, y)
        steps.append(
            [
                *trainer.history.epochs["validation_loss"],
                trainer.evaluate(x, y)["loss"],
                trainer.evaluate(x, y, batch_size=7)["loss"],
                risk.forward(),
                *model.predict(x, batch_size=9).ravel()[:9].tolist(),
                *np.asarray(model(x)).ravel()[50:60].tolist(),
            ]
        )
        assert trainer.loss.check_data(model, x, y)[1].dtype == model.dtype
    np.testing.assert_allclose(steps[0], steps[1], rtol=1e-4, atol=1e-5)
    risk = EmpiricalRisk(double, MSELoss(), x, y)
    before = risk.forward()
    double.astype(np.float32)
    assert risk.forward() == pytest.approx(before, rel=1e-4)
    assert risk.forward() == EmpiricalRisk(double, MSELoss(), x, y).forward()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Residual(first(), Dense(1, 1)),
        lambda: Sequential(Branches(Dense(1, 1), first()), Add()),
        lambda: Sequential(Branches(first(), Dense(1, 1)), Add()),
    ],
)
def test_what_is_given_to_others_too_is_of_the_type_of_the_model(make: Callable[[], Layer]) -> None:
    model = make().astype(np.float32)
    assert model.as_input(TIMES.astype(float), "x", model.dtype).dtype == np.float32
    assert model.predict(TIMES.astype(float)).dtype == np.float32
    with pytest.raises(DataError, match=r"float32 cannot represent, at index \(1, 0\)"):
        model.predict(TIMES)


def test_statistics_are_in_the_file(tmp_path: Path) -> None:
    model = Sequential(first(), Dense(1, 3), rng=0, dtype=np.float32)
    save(model, tmp_path / "model.npz")
    loaded = load(tmp_path / "model.npz")
    assert loaded[0].offset.dtype == np.float64
    assert loaded[0].scale.dtype == np.float32
    assert loaded[0].count == 100
    assert bits(loaded.predict(TIMES)) == bits(model.predict(TIMES))
    np.testing.assert_allclose(loaded[0].forward(TIMES), EXPECTED, rtol=1e-6)


def test_integers_are_kept_until_they_are_subtracted() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), np.uint8)
    layer = Standardize(3).adapt(images).astype(np.float32)
    kept = layer.as_input(images, "x", np.dtype(np.float32))
    assert kept is images
    expected = (images - images.mean(axis=(0, 1, 2))) / images.std(axis=(0, 1, 2))
    np.testing.assert_allclose(layer.forward(kept), expected, rtol=1e-6, atol=1e-6)
    grad = np.ones(images.shape, np.float32)
    np.testing.assert_allclose(layer.backward(grad), grad / images.std(axis=(0, 1, 2)), rtol=1e-6)
    with pytest.raises(DataError, match="cannot represent"):
        layer.as_input([[2**53 + 1, 0, 0]], "x", np.dtype(np.float32))
    with pytest.raises(DataError, match="NaN or infinite"):
        layer.as_input([[np.inf, 0, 0]], "x", np.dtype(np.float32))


def test_training_leaves_the_statistics_alone() -> None:
    model = Sequential(first(), Dense(1, 1), rng=0)
    before = bits(model[0].offset, model[0].scale)  # type: ignore[attr-defined]
    Trainer(model, MSELoss(), Adam(model.parameters(), lr=0.1)).fit(TIMES, EXPECTED, epochs=20)
    assert bits(model[0].offset, model[0].scale) == before  # type: ignore[attr-defined]
    assert not first().parameters()
