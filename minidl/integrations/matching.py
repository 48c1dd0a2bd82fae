"""Which layer of a model belongs to which layer of another framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from minidl.arguments import check_type
from minidl.errors import HyperparameterError, ShapeError, StateError, describe
from minidl.integrations.layouts import Stored, Weights, fitting, join
from minidl.typing import Array

__all__ = ["Pairs", "checked_names", "in_order", "inside", "matched"]

Pairs: TypeAlias = list[tuple[Weights, Stored]]
"""Layers of the model, each with its counterpart."""

SHOWN = 8
"""How many layers a message lists."""


def matched(own: Sequence[Weights], other: Sequence[Stored], names: Mapping[str, str], what: str) -> Pairs:
    """Return each layer of the model with its counterpart.

    Names come first: those in `names`, and then those of the analogous model if they are all the same. All other layers
    are matched by their shapes, if these leave one possibility. The order in which layers were defined proves nothing.

    Args:
        own: the layers of the model.
        other: the layers of the other framework.
        names: pairs of a path here and one there. Both may be of a layer, of an array, or of a container of layers.
        what: what a message calls the other model.

    Raises:
        HyperparameterError: `names` with a path that does not exist, or that takes what another one has taken.
        ShapeError: counterparts by name whose arrays do not fit.
        StateError: another number of layers, layers without a counterpart, or several possibilities.
    """
    left, right, pairs = list(own), list(other), Pairs()
    # The longest first: a layer that is named itself is no longer one of those in its container.
    for here, there in sorted(names.items(), key=lambda pair: -len(pair[0])):
        part = [weights for weights in left if inside(here, weights.path) or here in weights.values]
        given = [s for s in right if inside(there, s.path) or there in (join(s.path, name) for name in s.arrays)]
        for path, found, side in ((here, part, "the model"), (there, given, what)):
            if not found:
                raise HyperparameterError(
                    f"names: {path!r} is not a path in {side}, or another entry has taken it; {names!r:.200}"
                )
        pairs += _pairs(part, given, what)
        left = [weights for weights in left if not any(weights is each for each in part)]
        right = [stored for stored in right if not any(stored is each for each in given)]
    return pairs + _pairs(left, right, what)


def in_order(own: Sequence[Weights], other: Sequence[Stored], what: str) -> Pairs:
    """Return each layer of a chain with the one that has its place in the other chain.

    Raises:
        ShapeError: counterparts whose arrays do not fit.
        StateError: another number of layers.
    """
    _check_counts(own, other, what)
    return _checked(list(zip(own, other, strict=True)), what)


def checked_names(names: Mapping[str, str] | None) -> Mapping[str, str]:
    """The names that a user passes, none instead of None.

    Raises:
        TypeError: something other than pairs of paths.
    """
    names = {} if names is None else names
    check_type("names", names, Mapping)
    for path in (*names, *names.values()):
        check_type("each path in names", path, str)
    return names


def inside(path: str, layer: str) -> bool:
    """Whether a path is that of a layer or of a container around it."""
    return path in ("", layer) or layer.startswith(f"{path}.")


def _pairs(own: list[Weights], other: list[Stored], what: str) -> Pairs:
    _check_counts(own, other, what)
    by_path, by_name = {stored.path: stored for stored in other}, {weights.name: weights for weights in own}
    if len(own) > 1 and by_name.keys() != by_path.keys():
        return _by_shape(own, other, what)
    return _checked([(weights, by_path.get(weights.name, other[0])) for weights in own], what)


def _checked(pairs: Pairs, what: str) -> Pairs:
    """The pairs themselves. Raise `ShapeError` unless all arrays fit."""
    for weights, stored in pairs:
        if fitting(weights, stored) is None:
            raise ShapeError(f"{stored} in {what} does not fit {describe(weights.layer)}, which takes {weights}")
    return pairs


def _check_counts(own: Sequence[Weights], other: Sequence[Stored], what: str) -> None:
    """Raise `StateError` unless there are as many layers here as there."""
    if len(own) != len(other):
        raise StateError(
            f"the model has {len(own)} layers with weights, {what} {len(other)}; here: {_listed(own)}; there: "
            f"{_listed(other)}"
        )


def _by_shape(own: list[Weights], other: list[Stored], what: str) -> Pairs:
    """The only possible assignment. In such a one, and in what is left of it, some layer has a single candidate."""
    own, other, pairs = own.copy(), other.copy(), Pairs()
    fits = np.array([[fitting(weights, stored) is not None for stored in other] for weights in own])
    while own:
        for layers, candidates in ((own, fits.any(axis=1)), (other, fits.any(axis=0))):
            if not candidates.all():
                lonely, there = (what, "the model") if layers is other else ("the model", what)
                raise StateError(
                    f"{layers[int(candidates.argmin())]} of {lonely} has no counterpart in {there}, where there are "
                    f"{_listed(own if layers is other else other)}"
                )
        found = _certain(fits, other)
        if found is None:
            raise StateError(
                f"shapes alone leave several ways to match the model with {what}; pass names=; in the order in "
                f"which they are stored, it would be {_suggestion(fits, own, other)}"
            )
        i, j = found
        pairs.append((own.pop(i), other.pop(j)))
        fits = np.delete(np.delete(fits, i, axis=0), j, axis=1)
    return pairs


def _certain(fits: Array, other: Sequence[Stored]) -> tuple[int, int] | None:
    """The indices of a layer and its counterpart if one has no other candidate, or only copies of the first."""
    for j, column in enumerate(fits.T):
        if column.sum() == 1:
            return int(column.argmax()), j
    for i, row in enumerate(fits):
        first, *more = np.flatnonzero(row).tolist()
        if all(_equal(other[first], other[j]) for j in more):
            return i, first
    return None


def _equal(a: Stored, b: Stored) -> bool:
    names = a.arrays.keys()
    return names == b.arrays.keys() and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in names)


def _suggestion(fits: Array, own: Sequence[Weights], other: Sequence[Stored]) -> dict[str, str]:
    """The names if layers of equal shapes are stored in the same order."""
    names, free = {}, fits.copy()
    for i, weights in enumerate(own):
        j = int(free[i].argmax())
        names[weights.path] = other[j].path
        free[:, j] = False
    for top in ("", *dict.fromkeys(path.partition(".")[0] for path in names)):
        _shorten(names, [weights for weights in own if inside(top, weights.path)], top)
    return names


def _shorten(names: dict[str, str], layers: Sequence[Weights], container: str) -> None:
    """Name a container instead of its layers if these have the same names in it there."""
    suffixes = {weights.path: weights.name.removeprefix(container).lstrip(".") for weights in layers}
    there = {names.get(path, "").removesuffix(suffix).rstrip(".") for path, suffix in suffixes.items()}
    if len(layers) > 1 and len(there) == 1:
        (name,) = there
        if all(names.get(path) == join(name, suffix) for path, suffix in suffixes.items()):
            for path in suffixes:
                del names[path]
            names[container] = name


def _listed(layers: Sequence[Weights | Stored]) -> str:
    shown = ", ".join(map(str, layers[:SHOWN]))
    return f"{shown}, …" if len(layers) > SHOWN else shown or "none"
