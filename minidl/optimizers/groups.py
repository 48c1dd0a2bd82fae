"""What an optimizer moves: all parameters of a model, some of them, or groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from minidl.arguments import got, number
from minidl.errors import HyperparameterError, StateError
from minidl.modules import Module
from minidl.parameters import Parameter, ParameterVector, check_owners, contiguous_runs, share_memory

__all__ = ["Group", "Parameters", "check_moved", "describe_settings", "describe_sizes", "parts_of"]


class Group(NamedTuple):
    """Parameters with a learning rate of their own: a factor of the optimizer's, so that schedules act on all groups.

    >>> from minidl import Dense, SGD, Sequential
    >>> model = Sequential(Dense(2, 3), Dense(3, 1))
    >>> optimizer = SGD([Group(model[0].parameters(), 0.1), Group(model[1].parameters())], lr=0.01)
    """

    parameters: ParameterVector | Sequence[Parameter]
    factor: float = 1.0


Parameters: TypeAlias = ParameterVector | Sequence[Parameter] | Sequence[Group]
"""What an optimizer takes: ``model.parameters()``, a list of Parameters, or a list of `Group`."""


FACTOR = "the factor of a group (to freeze a layer, set layer.trainable = False)"


def parts_of(parameters: Parameters) -> tuple[list[ParameterVector], list[float]]:
    """Return the parameters as slices of the memory in which they lie, and the factor of each slice.

    Raises:
        HyperparameterError: no parameters, something other than parameters, parameters of two float types, or a factor
            that is not above 0.
        StateError: a Parameter in two places. Parameters that have moved elsewhere.
    """
    groups = _groups(parameters)
    types = sorted({str(parameter.dtype) for group in groups for parameter in group.parameters})
    if len(types) > 1:
        raise HyperparameterError(
            f"parameters of one optimizer must have one type, got {' and '.join(types)}; use astype"
        )
    parts = [(vector, group.factor) for group in groups for vector in _vectors(group.parameters)]
    vectors = [vector for vector, _ in parts]
    check_owners(pair for vector in vectors for pair in vector.items())
    if sum(vector.size for vector in vectors) == 0:
        raise HyperparameterError("there are no parameters to optimize; does the model have a layer that learns?")
    return vectors, [number(FACTOR, factor, above=0.0) for _, factor in parts]


def _groups(parameters: Parameters) -> list[Group]:
    if isinstance(parameters, ParameterVector):
        return [Group(parameters)]
    listed: list[Any] = list(parameters) if isinstance(parameters, Iterable) else []
    if listed and all(isinstance(item, Group) for item in listed):
        for own, _ in listed:
            if not isinstance(own, Iterable) or not all(isinstance(item, Parameter) for item in own):
                raise HyperparameterError(
                    f"the parameters of a Group must be parameters() or a list of them, {got(own)}"
                )
        return listed
    if not isinstance(parameters, Iterable) or not all(isinstance(item, Parameter) for item in listed):
        kinds = ", ".join(sorted({type(item).__name__ for item in listed}))
        raise HyperparameterError(
            "an optimizer takes model.parameters(), a list of Parameters or a list of Groups, got "
            f"{type(parameters).__name__}{kinds and f' of {kinds}'}"
        )
    return [Group(listed)]


def check_moved(vectors: Iterable[ParameterVector], module: Module) -> None:
    """Raise `StateError` unless all of these parameters belong to `module` and are where they were."""
    owned = set(module.parameters())
    for vector in vectors:
        vector.check()
        if not owned.issuperset(vector):
            raise StateError(
                f"the optimizer moves parameters that {type(module).__name__} does not have; make it on the "
                "parameters() of what is trained"
            )


def describe_sizes(vectors: Sequence[ParameterVector], factors: Sequence[float]) -> str:
    """How many parameters there are, with each factor that is not 1.

    >>> describe_sizes([ParameterVector([("a", Parameter([1.0, 2.0]))]), ParameterVector([])], [0.1, 1.0])
    '2 parameters at 0.1 lr, 0 parameters'
    """
    sizes: dict[float, int] = {}
    for vector, factor in zip(vectors, factors, strict=True):
        sizes[factor] = sizes.get(factor, 0) + vector.size
    return ", ".join(f"{n} parameters" + (f" at {factor:g} lr" if factor != 1.0 else "") for factor, n in sizes.items())


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Hyper-parameters as in a call, each after a comma, without flags, decays and limits that have no effect.

    >>> describe_settings({"lr": 0.1, "weight_decay": 0.0, "nesterov": False})
    ', lr=0.1'
    """
    shown = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in settings.items()}
    idle = [("weight_decay", "0"), ("l1", "0")]
    return "".join(
        f", {each[0]}={each[1]}" for each in shown.items() if each[1] not in ("False", "inf") and each not in idle
    )


def _vectors(parameters: ParameterVector | Sequence[Parameter]) -> list[ParameterVector]:
    if isinstance(parameters, ParameterVector):
        parameters.check()
        return [parameters]
    # Loose parameters are packed together. Those of a model stay where they are, in as many slices as it takes.
    named = [(str(index), parameter) for index, parameter in enumerate(parameters)]
    check_owners(named)
    runs = contiguous_runs(parameters) if share_memory(parameters) else [list(parameters)]
    return [ParameterVector([(str(index), parameter) for index, parameter in enumerate(run)]) for run in runs]
