"""What holds for every layer: each test runs over the whole table."""

import copy
import pickle
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Layer, Sequential, StateError
from minidl.batch import arrays_in, as_floats, mapped, rows, sample_shape, samples
from minidl.modules import backward_without_dx, input_shape
from minidl.typing import Array, Batch
from tests.helpers import bits, bits_of, forward, randomise, repeatable
from tests.reference import TOLERANCE, gradient_error, worst
from tests.tables import LAYERS, NAMESPACE, LayerCase, batches, seeds, widths

every_layer = pytest.mark.parametrize("case", LAYERS, ids=[case.name for case in LAYERS])


def draw(case: LayerCase, seed: int, batch: int, width: int, *, training: bool = True) -> tuple[Layer, Batch, Batch]:
    """A layer with random parameters and NaN for gradients, its input, and a gradient for its output.

    It has seen one batch in training before, so that what it keeps of that is not what it began with.
    """
    rng = np.random.default_rng(seed)
    layer = case.make(width)
    randomise(layer, rng)
    layer.forward(case.draw(rng, batch, width))
    layer.training = training
    x = case.draw(rng, batch, width)
    return layer, x, mapped(lambda array: np.asarray(rng.normal(size=array.shape)), forward(layer, x))


def floats(name: str, batch: Batch, gradient: Batch) -> Iterator[tuple[str, Array, Array]]:
    """Name, array and gradient of all arrays of floats in a batch. All other gradients are 0."""
    if isinstance(batch, tuple):
        assert isinstance(gradient, tuple)
        for index, pair in enumerate(zip(batch, gradient, strict=True)):
            yield from floats(f"{name}[{index}]", *pair)
    elif batch.dtype.kind == "f":
        yield name, batch, gradient
    else:
        assert gradient.shape == batch.shape
        assert not gradient.any()


def flat(batch: Batch) -> Array:
    """All numbers of a batch, in order."""
    return np.concatenate([array.ravel() for array in arrays_in(batch)])


def doubled(batch: Batch) -> Batch:
    """Twice the floats. Ids and masks stay."""
    return mapped(lambda array: 2 * array if array.dtype.kind == "f" else array, batch)


@every_layer
@given(seeds, batches, widths, st.booleans())
def test_gradients_agree_with_finite_differences(
    case: LayerCase, seed: int, batch: int, width: int, training: bool
) -> None:
    layer, x, grad = draw(case, seed, batch, width, training=training)
    grad_x, again = layer.backward(grad), repeatable(layer)
    arrays = list(floats("x", x, grad_x))
    arrays += [(name, parameter.value, parameter.grad) for name, parameter in layer.named_parameters()]
    weights = flat(grad)
    errors = {name: gradient_error(lambda: flat(again(x)), array, found, weights) for name, array, found in arrays}
    assert worst(case.name, max(errors.values(), default=0.0)) <= TOLERANCE, errors  # OneHot has none


@every_layer
@given(seeds, batches, widths)
def test_backward_parameters_gives_the_same_gradients(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    forward(layer, x)
    layer.backward(grad)
    expected = bits_of(layer)
    layer.parameters().grad = np.full(layer.parameters().size, np.nan)
    getattr(layer, backward_without_dx(type(layer)))(grad)
    assert bits_of(layer) == expected


@every_layer
@given(seeds, batches, widths)
def test_nothing_handed_in_or_out_is_changed(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    values = layer.parameters().value.copy()
    y = forward(layer, x)
    before = bits(x, y, grad)
    grad_x = layer.backward(grad)
    assert bits(x, y, grad) == before
    out = bits(y, grad_x)
    layer.backward(doubled(grad))
    forward(layer, doubled(x))
    assert bits(y, grad_x) == out
    np.testing.assert_array_equal(layer.parameters().value, values)


@every_layer
@given(seeds, batches, widths)
def test_backward_overwrites_and_repeats_bit_for_bit(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    forward(layer, x)
    first = bits(layer.backward(grad)), bits_of(layer)
    assert np.isfinite(layer.parameters().grad).all()
    assert (bits(layer.backward(grad)), bits_of(layer)) == first


def fortran(x: Array) -> Array:
    return np.asfortranarray(x)


def strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def backwards(x: Array) -> Array:
    return np.ascontiguousarray(x[::-1])[::-1]


def read_only(x: Array) -> Array:
    frozen = x.copy()
    frozen.flags.writeable = False
    return frozen


@pytest.mark.long
@every_layer
@given(st.sampled_from([fortran, strided, backwards, read_only]), seeds, batches, widths)
def test_memory_layout_does_not_matter(
    case: LayerCase, layout: Callable[[Array], Array], seed: int, batch: int, width: int
) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    expected = forward(layer, x), layer.backward(grad), layer.parameters().grad.copy()
    got = forward(layer, mapped(layout, x)), layer.backward(mapped(layout, grad)), layer.parameters().grad
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(flat(a), flat(b), rtol=1e-12, atol=1e-12)


@every_layer
@given(seeds, batches, widths)
def test_float32_stays_float32_and_is_near(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    expected = forward(layer, x), layer.backward(grad), layer.parameters().grad.copy()
    layer.astype(np.float32)
    y, grad_x = forward(layer, as_floats(x, np.float32)), layer.backward(as_floats(grad, np.float32))
    for a, b in zip(arrays_in((y, grad_x, layer.parameters().grad)), arrays_in(expected), strict=True):
        assert a.dtype == np.float32 or a.size == 0
        # A unit within rounding of its kink may fall on its other side.
        assert a.size == 0 or np.median(np.abs(a - b)) <= 1e-4 * (1 + np.abs(b).max())


@every_layer
@given(seeds, batches, widths)
def test_a_batch_of_one_works(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    assert samples(grad) == batch
    y_row, grad_row = forward(layer, rows(x, slice(1))), layer.backward(rows(grad, slice(1)))
    assert samples(y_row) == samples(grad_row) == 1
    assert (sample_shape(y_row), sample_shape(grad_row)) == (sample_shape(grad), sample_shape(x))


@every_layer
@given(seeds, batches, widths)
def test_rows_are_independent_in_evaluation(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width, training=False)
    y, grad_x = layer.forward(x), layer.backward(grad)
    for row in range(0 if layer.mixes_samples else batch):
        one = slice(row, row + 1)
        y_row, grad_row = layer.forward(rows(x, one)), layer.backward(rows(grad, one))
        np.testing.assert_allclose(flat(y_row), flat(rows(y, one)), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(flat(grad_row), flat(rows(grad_x, one)), rtol=1e-12, atol=1e-12)


@every_layer
@given(seeds, batches, widths)
def test_output_shape_is_unknown_or_right(case: LayerCase, seed: int, batch: int, width: int) -> None:
    layer, x, grad = draw(case, seed, batch, width)
    assert layer.output_shape(input_shape(layer, sample_shape(x))) in (None, sample_shape(grad))


@every_layer
@pytest.mark.parametrize(
    "twin", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"]
)
def test_copies_behave_alike_and_are_independent(case: LayerCase, twin: Callable[[Layer], Layer]) -> None:
    layer, x, grad = draw(case, 3, 4, 2)
    other = twin(layer)
    names, others = dict(layer.named_parameters()), dict(other.named_parameters())
    assert [(name, p.shape) for name, p in names.items()] == [(name, p.shape) for name, p in others.items()]
    assert bits(layer.forward(x), layer.backward(grad)) == bits(other.forward(x), other.backward(grad))
    assert bits_of(layer) == bits_of(other)
    before = bits_of(layer)
    for parameter in other.parameters():
        parameter.value = np.zeros(parameter.shape)
        parameter.grad = np.ones(parameter.shape)
    assert bits_of(layer) == before
    assert not other.parameters().value.any()


@every_layer
def test_repr_can_be_evaluated(case: LayerCase) -> None:
    layer = case.make(3)
    again = eval(repr(layer), dict(NAMESPACE))
    assert type(again) is type(layer)
    assert repr(again) == repr(layer)
    assert [(name, p.shape) for name, p in again.named_parameters()] == [
        (name, p.shape) for name, p in layer.named_parameters()
    ]


@every_layer
def test_backward_before_forward_is_an_error(case: LayerCase) -> None:
    model = Sequential(case.make(2))
    with pytest.raises(StateError, match="backward before forward"):
        model.backward(np.ones((1, 2)))
    with pytest.raises(StateError, match="backward before forward"):
        model.backward_parameters(np.ones((1, 2)))


@every_layer
def test_predict_and_call_are_forward_and_leave_the_mode(case: LayerCase) -> None:
    layer, x, _ = draw(case, 5, 3, 2, training=False)
    expected, kept = bits(layer.forward(x)), bits_of(layer)
    for training in (True, False):
        layer.training = training
        assert bits(layer.predict(x)) == expected
        assert bits_of(layer) == kept
        assert all(module.training is training for _, module in layer.modules())
        twin = copy.deepcopy(layer)
        assert bits(twin(x)) == bits(copy.deepcopy(layer).forward(x))
        assert all(module.training is training for _, module in twin.modules())


@every_layer
def test_state_round_trip(case: LayerCase) -> None:
    layer, x, _ = draw(case, 6, 3, 2)
    other = case.make(2)
    other.load_state(layer.state())
    assert bits(other.predict(x)) == bits(layer.predict(x))
    assert bits(forward(other, x)) == bits(forward(layer, x))
