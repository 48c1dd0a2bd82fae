"""Parameters, and the one flat vector in which they live.

All parameters of a model lie side by side in one contiguous array, their gradients in a second of the same
layout. `Parameter.value` and `Parameter.grad` are views into those two arrays; `ParameterVector` is the whole.
"""

from minidl.parameters.parameter import Parameter, limited_to, real_numbers
from minidl.parameters.vector import ParameterVector, check_owners, contiguous_runs, share_memory

__all__ = [
    "Parameter",
    "ParameterVector",
    "check_owners",
    "contiguous_runs",
    "limited_to",
    "real_numbers",
    "share_memory",
]
