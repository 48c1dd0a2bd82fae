"""What an optimizer moves: all of a model's parameters, some, or groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from minidl.errors import HyperparameterError
from minidl.parameters import Parameter, ParameterVector, check_owners, contiguous_runs, share_memory

__all__ = ["Group", "Parameters", "parts_of"]


class Group(NamedTuple):
    """Parameters with a learning rate of their own, as a factor of the optimizer's, so that schedules act on all alike.

    >>> from minidl import Dense, SGD, Sequential
    >>> model = Sequential(Dense(2, 3), Dense(3, 1))
    >>> optimizer = SGD([Group(model[0].parameters(), 0.1), Group(model[1].parameters())], lr=0.01)
    """

    parameters: ParameterVector | Sequence[Parameter]
    factor: float = 1.0


Parameters: TypeAlias = ParameterVector | Sequence[Parameter] | Sequence[Group]
"""What an optimizer takes: ``model.parameters()``, a list of Parameters, or a list of `Group`."""


WANTED = "an optimizer takes model.parameters(), a list of Parameters or a list of Groups"


def parts_of(parameters: Parameters) -> list[tuple[ParameterVector, float]]:
    """The parameters as slices of the memory where they lie, each with the factor of its learning rate.

    Raises:
        HyperparameterError: no parameters, something else than parameters, or a factor that is not above 0.
        StateError: a Parameter in two places; parameters that have moved elsewhere.
    """
    if isinstance(parameters, ParameterVector):
        groups = [Group(parameters)]
    else:
        if not isinstance(parameters, Iterable):
            raise HyperparameterError(f"{WANTED}, got {type(parameters).__name__}")
        listed: list[Any] = list(parameters)
        grouped = bool(listed) and all(isinstance(item, Group) for item in listed)
        if not grouped and not all(isinstance(item, Parameter) for item in listed):
            raise HyperparameterError(
                f"{WANTED}, got "
                f"{type(parameters).__name__} of {', '.join(sorted({type(item).__name__ for item in listed}))}"
            )
        groups = listed if grouped else [Group(listed)]
    parts = [(vector, group.factor) for group in groups for vector in _vectors(group.parameters)]
    check_owners((name, parameter) for vector, _ in parts for name, parameter in vector.items())
    if sum(vector.size for vector, _ in parts) == 0:
        raise HyperparameterError("there are no parameters to optimize; does the model have a layer that learns?")
    for _, factor in parts:
        if not 0.0 < factor < float("inf"):
            raise HyperparameterError(f"the factor of a group must be above 0 and finite, got {factor!r}")
    return parts


def _vectors(parameters: ParameterVector | Sequence[Parameter]) -> list[ParameterVector]:
    if isinstance(parameters, ParameterVector):
        parameters.check()
        return [parameters]
    # Loose parameters are packed together; those of a model stay where they are, in as many slices as it takes.
    named = [(str(index), parameter) for index, parameter in enumerate(parameters)]
    check_owners(named)
    runs = contiguous_runs(parameters) if share_memory(parameters) else [list(parameters)]
    return [ParameterVector([(str(index), parameter) for index, parameter in enumerate(run)]) for run in runs]
