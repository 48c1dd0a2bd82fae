"""The events of a run, and the exception for a batch in which nothing counts."""

from __future__ import annotations

__all__ = ["EVENTS", "NothingCounts", "check_events"]

EVENTS = ("on_fit_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_epoch_end", "on_fit_end")
"""The methods of a callback that a run calls, in the order of their first calls."""


class NothingCounts(Exception):  # noqa: N818  (not an error)
    """Raised by what evaluates a batch in which nothing counts: the loss is then 0, and the run takes no step."""


def check_events(owner: object, name: str) -> None:
    """Raise `TypeError` for a method ``on_…`` that is not an event, and for an event that is not a method."""
    names = [each for each in dir(owner) if each.startswith("on_")]
    if wrong := ", ".join(each for each in names if callable(getattr(owner, each)) != (each in EVENTS)):
        raise TypeError(f"{name} defines {wrong}; the events are {', '.join(EVENTS)}; each must be a function")
