"""Parameters, and the flat vector that holds them.

All parameters of a model lie side by side in one contiguous array, and their gradients in a second array of the same
layout. `Parameter.value` and `Parameter.grad` are views into these two arrays. `ParameterVector` is the whole.
"""

from minidl.parameters.parameter import Parameter
from minidl.parameters.vector import ParameterVector, check_owners, contiguous_runs, share_memory

__all__ = ["Parameter", "ParameterVector", "check_owners", "contiguous_runs", "share_memory"]
