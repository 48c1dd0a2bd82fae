"""How a network fares, in words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["fate_of"]


def fate_of(divergence: Exception | None, dead: Sequence[Sequence[bool]]) -> str | None:
    """Say what has gone wrong with a network, None if nothing has.

    Args:
        divergence: the error that has ended the run.
        dead: for each hidden layer, whether each unit is 0 for all training data.

    >>> fate_of(None, [[True, False], [False]])
    '1 of 3 hidden units is dead: 0 for every training sample, so it learns nothing.'
    """
    if divergence is not None:
        return f"Stopped: {divergence}."
    for number, units in enumerate(dead, 1):
        if all(units):
            return (
                f"All {len(units)} units of hidden layer {number} are dead: they are 0 for every training sample, "
                "so no gradient passes and the weights before them stay as they are."
            )
    count, total = sum(map(sum, dead)), sum(map(len, dead))
    if not count:
        return None
    they = (
        "is dead: 0 for every training sample, so it learns nothing"
        if count == 1
        else ("are dead: 0 for every training sample, so they learn nothing")
    )
    return f"{count} of {total} hidden units {they}."
