"""New ids from a language model, one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.arguments import check_type, generator, number, whole_number
from minidl.data import as_ids
from minidl.errors import DataError, ShapeError, StateError, describe
from minidl.modules import Layer, evaluating
from minidl.typing import Array, ArrayLike, Seed

__all__ = ["generate"]


def generate(
    model: Layer,
    prompt: ArrayLike,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: Seed = None,
) -> Array:
    """Draw the ids that follow a prompt: each id i with the probability ``softmax(z / T)ᵢ``, then as the next input.

    z are the model's scores (logits) after all ids before, T is the temperature. The draw is ``argmaxᵢ (zᵢ / T + gᵢ)``,
    with each gᵢ from a Gumbel distribution. It is i with exactly that probability (Gumbel 1954). For a model that
    returns probabilities, z are their logarithms.

    The model works as in evaluation, one time step at a time by `Layer.step`, and does not change.

    Shapes    prompt (t,) → (length,)   prompt (n, t), n texts of their own → (n, length)

    Args:
        model: takes ids (n, t) and returns scores (n, t, k), or (n, k) for the last time step alone.
        prompt: at least one id for each text.
        length: the number of new ids.
        temperature: T. Below 1, likely ids become likelier. 0 takes the id with the highest score, without a draw.
        top_k: draw among the k ids with the highest scores only. None, or more ids than there are, means all.
        rng: seed or generator of the draws.

    Returns:
        The new ids, without the prompt.

    Raises:
        DataError: a prompt that is not made of ids, or has ids that the model does not know.
        ShapeError: a prompt of another shape. More ids than the model has positions: all but the last new one need one.
        HyperparameterError: a length or a `top_k` that is not a positive integer, a temperature below 0.
        StateError: a model that cannot take one time step at a time, or whose scores are not finite.
        TypeError: a model that is not a Layer.

    >>> from minidl import Embedding
    >>> model = Embedding(3, 3)  # a score for each id after each id
    >>> model.weight.value = [[0, 9, 0], [0, 0, 9], [9, 0, 0]]
    >>> generate(model, [0, 1], 4, temperature=0)
    array([2, 0, 1, 2])
    """
    check_type("model", model, Layer, "generate(model, prompt, length)")
    length = whole_number("length", length, 1)
    temperature = number("temperature", temperature, at_least=0)
    top_k = None if top_k is None else whole_number("top_k", top_k, 1)
    rng = generator(rng) if temperature else None
    with evaluating(model):
        ids = _checked(model, prompt, length)
        new = np.empty((len(ids), length), np.intp)
        state: Any = None
        for each in ids.T[:-1]:
            _, state = model.step(each, state)
        latest = ids[:, -1]
        for i in range(length):
            y, state = model.step(latest, state)
            z = _scores(model, y, i, len(ids))
            if top_k is not None and top_k < z.shape[1]:
                np.put_along_axis(z, z.argpartition(-top_k, axis=1)[:, :-top_k], -np.inf, axis=1)
            if rng is not None:
                # However low the temperature is, differences from the highest score do not overflow to +∞.
                with np.errstate(over="ignore"):
                    z = (z - z.max(axis=1, keepdims=True)) / temperature + rng.gumbel(size=z.shape)
            latest = new[:, i] = z.argmax(axis=1)
    return new if np.ndim(prompt) == 2 else new[0]


def _checked(model: Layer, prompt: ArrayLike, length: int) -> Array:
    """The prompt as ids (n, t), as the model takes them."""
    array = as_ids(prompt, "prompt")
    if array.ndim > 2:
        raise ShapeError(f"the prompt must be ids (t,) or (n, t), got shape {array.shape}")
    ids = model.check_input(np.atleast_2d(array), "prompt")
    if not isinstance(ids, np.ndarray) or ids.dtype.kind not in "iu":
        raise DataError(f"generate needs a model that takes ids, got {describe(model)}; begin it with an Embedding")
    needed = ids.shape[1] + length - 1
    try:
        model.output_shape((needed,))
    except ShapeError as error:
        # One new id always fits, since the prompt does.
        most = next(n for n in range(length, 0, -1) if _takes(model, ids.shape[1] + n - 1))
        error.add_note(
            f"a prompt of {ids.shape[1]} ids and {length} new ones need {needed} positions; at most {most} new ones "
            f"fit: pass length={most}, or a shorter prompt"
        )
        raise
    return ids


def _takes(model: Layer, positions: int) -> bool:
    """Whether a model takes this number of ids."""
    try:
        model.output_shape((positions,))
    except ShapeError:
        return False
    return True


def _scores(model: Layer, y: Any, i: int, n: int) -> Array:
    """The scores (n, k) of one time step as new float64, the logarithms of probabilities included."""
    if not isinstance(y, np.ndarray) or y.ndim != 2 or len(y) != n:
        raise ShapeError(
            f"generate needs a model that returns scores (n, k) for each time step, got {np.shape(y)} for {n} texts"
        )
    with np.errstate(divide="ignore"):
        z = np.log(y, dtype=np.float64) if model.gives_probabilities else y.astype(np.float64)
    if not np.isfinite(z.max(axis=1)).all():
        raise StateError(f"the scores for new id {i} are not finite; the model may have diverged in training")
    return z
