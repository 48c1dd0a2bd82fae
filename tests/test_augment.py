"""Augmentation: what each function does to images, and what training makes of it."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from minidl import (
    Batches,
    DataError,
    Dense,
    Flatten,
    HyperparameterError,
    MSELoss,
    Sequential,
    ShapeError,
    Trainer,
    augment,
)
from minidl.augment import flip, noise, shift
from minidl.optimizers import SGD
from minidl.typing import Array
from tests.helpers import bits, held_out

Rng = np.random.Generator
IMAGES = np.random.default_rng(0).normal(size=(200, 4, 3, 2)) + 10
"""None of their numbers is 0."""

EVERY = [flip, shift, noise]


def seeded(seed: int = 0) -> Rng:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("function", EVERY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_new_images_of_the_same_kind_come_from_the_generator_alone(function: Any, dtype: Any) -> None:
    x = IMAGES.astype(dtype)
    before = bits(x)
    y, again, other = function(x, seeded()), function(x, seeded()), function(x, seeded(1))
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert bits(x) == before
    assert not np.shares_memory(x, y)
    assert bits(y) == bits(again) != bits(other)


def test_every_public_function_is_tested_here() -> None:
    assert {function.__name__ for function in EVERY} == {*augment.__all__} - {"Augment"}


def test_flip_mirrors_half_of_the_images_left_to_right() -> None:
    y = flip(IMAGES, seeded())
    same, mirrored = ((y == other).all(axis=(1, 2, 3)) for other in (IMAGES, IMAGES[:, :, ::-1]))
    assert (same ^ mirrored).all()
    assert 70 < mirrored.sum() < 130  # four standard deviations


@pytest.mark.parametrize("most", [0, 1, 2, 5])
def test_shift_moves_each_image_as_a_whole_by_any_distance_up_to_the_most(most: int) -> None:
    y = shift(IMAGES, seeded(), most=most)
    seen = set()
    for image, moved in zip(IMAGES, y, strict=True):
        found = [
            (down, right)
            for down in range(-most, most + 1)
            for right in range(-most, most + 1)
            if (moved == plainly_shifted(image, down, right)).all()
        ]
        assert found
        seen.update(found)
    if most <= 2:
        assert len(seen) == (2 * most + 1) ** 2


def plainly_shifted(image: Array, down: int, right: int) -> Array:
    moved = np.zeros_like(image)
    height, width, _ = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                moved[row, column] = image[row - down, column - right]
    return moved


def test_shift_is_by_two_pixels_at_most_unless_told_otherwise() -> None:
    assert bits(shift(IMAGES, seeded())) == bits(shift(IMAGES, seeded(), most=2))


@pytest.mark.parametrize("x", [IMAGES, IMAGES[:, 0, :, 0]])
def test_noise_is_normal_around_the_numbers(x: Array) -> None:
    added = noise(x, seeded(), scale=0.5) - x
    assert abs(added.mean()) < 4 * 0.5 / added.size**0.5
    assert added.std() == pytest.approx(0.5, rel=0.1)
    assert np.unique(added.round(9)).size > 0.99 * added.size
    np.testing.assert_allclose(noise(x, seeded()) - x, added / 5, atol=1e-12)
    np.testing.assert_array_equal(noise(x, seeded(), scale=0), x)


@pytest.mark.parametrize("function", [flip, shift])
@pytest.mark.parametrize("shape", [(5, 64), (5, 8, 8), (5,), (1, 5, 8, 8, 1)])
def test_samples_that_are_not_images_are_refused(function: Any, shape: tuple[int, ...]) -> None:
    words = rf"{function.__name__} takes images \(n, height, width, channels\), got shape \(.*\); reshape them first"
    with pytest.raises(ShapeError, match=words):
        function(np.ones(shape), seeded())


def test_arguments_are_checked() -> None:
    wrong: Any
    for wrong in (-1, 1.5):
        with pytest.raises(HyperparameterError, match=r"shift: most must be an integer, at least 0, got"):
            shift(IMAGES, seeded(), most=wrong)
    for wrong in (-0.1, np.inf, "1"):
        with pytest.raises(HyperparameterError, match=r"noise: scale must be a finite number, at least 0, got"):
            noise(IMAGES, seeded(), scale=wrong)


# In batches


X = np.arange(22.0).reshape(11, 2)
Y = np.arange(11)


@pytest.mark.parametrize("size", [None, 3, 11])
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_batch_is_augmented_once_and_keeps_its_targets(size: int | None, shuffle: bool) -> None:
    given = []

    def spread(x: Array, rng: Rng) -> Array:
        given.append(x.copy())
        x *= 2  # allowed: x is a copy
        return x + rng.integers(1, 9)

    before = bits(X)
    batches = Batches(X, Y, batch_size=size, shuffle=shuffle, rng=0, augment=spread)
    drawn = list(batches)
    assert bits(X) == before
    assert len(drawn) == len(given) == len(batches)
    for (x, y), original in zip(drawn, given, strict=True):
        np.testing.assert_array_equal(original, X[y])
        np.testing.assert_array_equal(np.unique(x - 2 * original).size, 1)
        assert 1 <= (x - 2 * original)[0, 0] < 9
    assert sorted(i for _, y in drawn for i in y) == Y.tolist()
    assert [y.tolist() for _, y in drawn] == [y.tolist() for _, y in batches] or shuffle
    second = [x for x, _ in Batches(X, Y, batch_size=size, shuffle=shuffle, rng=0, augment=spread)]
    assert bits(*second) == bits(*(x for x, _ in drawn))


def test_the_type_of_the_data_is_kept() -> None:
    x = X.astype(np.float32)
    (first, _), *_ = Batches(x, Y, batch_size=4, augment=lambda x, rng: x + rng.normal(size=x.shape))
    assert first.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda x, rng: x[:1], r"\(1, 2\)"),  # noqa: ARG005
        (lambda x, rng: x[:, :1], r"\(4, 1\)"),  # noqa: ARG005
        (lambda x, rng: None, "NoneType"),  # noqa: ARG005
        (lambda x, rng: x.tolist(), "list"),  # noqa: ARG005
        (lambda x, rng: (x, x), r"\(\(4, 2\), \(4, 2\)\)"),  # noqa: ARG005
    ],
)
def test_another_shape_is_refused(wrong: Any, found: str) -> None:
    with pytest.raises(ShapeError, match=rf"augment must return the batch's shape \(4, 2\), got {found}$"):
        list(Batches(X, Y, batch_size=4, augment=wrong))


def test_inputs_of_several_arrays_keep_their_structure() -> None:
    ids = np.arange(8)

    def wrong(x: Any, rng: Rng) -> Any:  # noqa: ARG001
        return list(x)

    def right(x: Any, rng: Rng) -> Any:
        return x[0] + rng.normal(size=x[0].shape), x[1] + 1

    with pytest.raises(ShapeError, match=r"the batch's shape \(\(4, 2\), \(4,\)\), got list$"):
        list(Batches((X[:8], ids), Y[:8], batch_size=4, augment=wrong))
    batches = Batches((X[:8], ids), Y[:8], batch_size=4, shuffle=False, augment=right)
    assert np.concatenate([x[1] for x, _ in batches]).tolist() == list(range(1, 9))


def test_ids_are_not_made_of_floats() -> None:
    ids = np.arange(8)[:, None]
    for wrong in (lambda x, rng: x + 0.5, lambda x, rng: x + 0.0):  # noqa: ARG005
        with pytest.raises(DataError, match="augment must return the batch's type int64, got float64"):
            list(Batches(ids, ids, batch_size=4, augment=wrong))
    for dtype in (np.int32, np.uint8):
        small: Array = ids.astype(dtype)
        batches = Batches(small, small, batch_size=8, augment=lambda x, rng: x[::-1])  # noqa: ARG005
        ((x, _),) = batches
        assert x.dtype == dtype
        assert x[:, 0].tolist() == list(range(7, -1, -1))


def test_what_is_not_a_function_is_refused() -> None:
    wrong: Any
    for wrong in ("flip", True, 0):
        with pytest.raises(HyperparameterError, match=r"augment must be a function such as minidl\.augment\.flip, got"):
            Batches(X, Y, augment=wrong)


@pytest.mark.parametrize("function", EVERY)
def test_several_inputs_take_a_function_of_ones_own(function: Any) -> None:
    ids = np.arange(200)
    with pytest.raises(DataError, match=f"{function.__name__} takes one array, got tuple; for several inputs pass a"):
        list(Batches((IMAGES, ids), ids, augment=function, rng=0))
    batches = Batches((IMAGES, ids), ids, augment=lambda x, rng: (function(x[0], rng), x[1]), rng=0)
    ((x, y),) = batches
    assert bits(x[0]) == bits(function(IMAGES, seeded()))
    assert bits(x[1], y) == bits(ids, ids)


def test_ids_have_no_noise() -> None:
    with pytest.raises(DataError, match="noise takes floats, got int64"):
        noise(np.arange(4), seeded())


# In training


def trainer() -> Trainer:
    model = Sequential(Flatten(), Dense(24, 1), rng=0)
    return Trainer(model, MSELoss(), SGD(model.parameters(), lr=1e-4))


def test_only_training_batches_are_augmented() -> None:
    seen = []

    def watched(x: Array, rng: Rng) -> Array:
        seen.append(len(x))
        return shift(x, rng)

    y = IMAGES[:, 0, 0, :1]
    t = trainer()
    history = t.fit(IMAGES, y, epochs=2, batch_size=64, validation=0.2, training_loss=True, rng=0, augment=watched)
    assert seen == [64, 64, 32] * 2
    (x_train, y_train), (x_held, y_held) = held_out(IMAGES, y, 0.2)
    assert t.evaluate(x_train, y_train)["loss"] == history.epochs["training_loss"][-1]
    assert t.evaluate(x_held, y_held)["loss"] == history.epochs["validation_loss"][-1]
    assert len(seen) == 6


def test_augmentation_makes_a_difference_and_is_repeatable() -> None:
    y = IMAGES[:, 0, 0, :1]
    plain, first, again = (
        trainer().fit(IMAGES, y, epochs=2, batch_size=50, rng=0, augment=function).loss
        for function in (None, partial(noise, scale=1.0), partial(noise, scale=1.0))
    )
    assert plain != first == again


def test_accumulated_batches_are_augmented_together() -> None:
    sizes = []

    def watched(x: Array, rng: Rng) -> Array:  # noqa: ARG001
        sizes.append(len(x))
        return x

    trainer().fit(IMAGES, IMAGES[:, 0, 0, :1], batch_size=40, accumulate=2, augment=watched)
    assert sizes == [80, 80, 40]
