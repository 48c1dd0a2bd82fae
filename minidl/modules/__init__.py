"""The base classes: a `Module` owns parameters and further modules, in the order of its attributes.

A `Layer` maps a batch to a batch. A `Loss` maps predictions and targets to a number. An `Objective` is a number that
depends on nothing but its own parameters.
"""

from minidl.modules.backward import as_gradient, backward_without_dx
from minidl.modules.caches import cached
from minidl.modules.layer import Layer, check_tuple, input_shape, tuple_refused
from minidl.modules.loss import Loss, format_shape, same_shape
from minidl.modules.module import Module, training_as
from minidl.modules.objective import Objective, check_is_objective
from minidl.modules.snapshot import Snapshot
from minidl.modules.stepping import check_step
from minidl.modules.summary import Row, Summary, row
from minidl.modules.threads import changing, check_thread, evaluating
from minidl.modules.watching import watching

__all__ = [
    "Layer",
    "Loss",
    "Module",
    "Objective",
    "Row",
    "Snapshot",
    "Summary",
    "as_gradient",
    "backward_without_dx",
    "cached",
    "changing",
    "check_is_objective",
    "check_step",
    "check_thread",
    "check_tuple",
    "evaluating",
    "format_shape",
    "input_shape",
    "row",
    "same_shape",
    "training_as",
    "tuple_refused",
    "watching",
]
