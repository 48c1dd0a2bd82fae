"""The tables over which tests run: a new layer, loss, optimizer or objective gets every test with one row.

A case says how to make the thing and how to draw its input; hypothesis draws seeds and sizes.
"""

import minidl
from tests import user_defined
from tests.tables.common import Rng, batches, seeds, widths
from tests.tables.inputs import images, normal
from tests.tables.layers import LAYERS, LayerCase
from tests.tables.losses import LOSSES, LossCase
from tests.tables.objectives import OBJECTIVES, ObjectiveCase
from tests.tables.optimizers import OPTIMIZERS, OptimizerCase

__all__ = [
    "LAYERS",
    "LOSSES",
    "NAMESPACE",
    "OBJECTIVES",
    "OPTIMIZERS",
    "LayerCase",
    "LossCase",
    "ObjectiveCase",
    "OptimizerCase",
    "Rng",
    "batches",
    "images",
    "normal",
    "seeds",
    "widths",
]

NAMESPACE = {**vars(minidl), **vars(user_defined)}
"""Where the repr of each thing can be evaluated."""
