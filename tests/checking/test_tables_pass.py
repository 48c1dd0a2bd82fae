"""Everything in the tables passes the checks that users run on their own code."""

import numpy as np
import pytest

from minidl.checking import check_layer, check_loss, check_objective, check_optimizer
from tests.tables import LAYERS, LOSSES, OBJECTIVES, OPTIMIZERS, LayerCase, LossCase, ObjectiveCase, OptimizerCase

THAT_ARRIVE = [case for case in OPTIMIZERS if "Fading" not in case.name]
"""All but the one whose steps shrink to nothing before it arrives."""


@pytest.mark.parametrize("case", LAYERS, ids=[case.name for case in LAYERS])
def test_layers(case: LayerCase) -> None:
    x = case.draw(np.random.default_rng(0), 4, 3)
    assert check_layer(case.make(3), x).error <= 1e-8


@pytest.mark.parametrize("case", LOSSES, ids=[case.name for case in LOSSES])
def test_losses(case: LossCase) -> None:
    assert check_loss(case.make(), *case.draw(np.random.default_rng(0), (5, 2))).error <= 1e-8


@pytest.mark.parametrize("case", THAT_ARRIVE, ids=[case.name for case in THAT_ARRIVE])
def test_optimizers(case: OptimizerCase) -> None:
    check_optimizer(case.make)


@pytest.mark.parametrize("case", OBJECTIVES, ids=[case.name for case in OBJECTIVES])
def test_objectives(case: ObjectiveCase) -> None:
    assert check_objective(case.make(2)).error <= 1e-8
