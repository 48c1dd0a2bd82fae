"""What everything is made of: a `Module` owns parameters and further modules, in the order of its attributes.

A `Layer` maps a batch to a batch, a `Loss` maps predictions and targets to a number, and an `Objective` is a
number that depends on nothing but its own parameters.
"""

from minidl.modules.layer import Layer
from minidl.modules.loss import Loss, same_shape, shown
from minidl.modules.module import Module, saved
from minidl.modules.objective import Objective
from minidl.modules.summary import Row, Summary, row

__all__ = ["Layer", "Loss", "Module", "Objective", "Row", "Summary", "row", "same_shape", "saved", "shown"]
