"""Random networks: their gradients, and their training against the same network in plain Python (plain.py)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from minidl import BatchNorm, Dense, Dropout, EmpiricalRisk, Layer, LayerNorm, Residual, Sequential, Sigmoid, Trainer
from minidl.checking import check_gradients
from minidl.checking.strategies import KEEPING, architectures
from minidl.typing import Array
from tests import plain
from tests.losses.test_all_losses import every_loss
from tests.optimizers.test_all_optimizers import every_optimizer
from tests.reference import TOLERANCE
from tests.tables import LOSSES, LossCase, OptimizerCase, seeds
from tests.tracing import untraced
from tests.user_defined import Scale

pytestmark = pytest.mark.filterwarnings("ignore:.*takes logits")  # any layer may be the last one here
INPUTS = 2
half_as_many = settings(max_examples=settings().max_examples // 2)
"""Each loss and each optimizer draws from the same networks."""
BETWEEN: tuple[Callable[[int], Layer], ...] = (*KEEPING, Scale, lambda width: Dense(width, width, use_bias=False))
"""What stands between Dense layers; each has a row in plain.py."""
RANDOM: tuple[Callable[[int], Layer], ...] = (lambda _: Dropout(0.3, rng=0),)
"""What has none, since it draws random numbers."""
LAST: dict[str, tuple[type[Layer], ...]] = {"BCELoss": (Sigmoid,), "BCELoss, smoothed": (Sigmoid,)}
"""What a network must end with for a loss; all other losses take any network."""
SATURATED = {"BCELoss": 1e-4, "BCELoss, smoothed": 1e-4}
"""Predictions that near to 0 or 1 are not drawn: the digits of 1 − p are lost there, in any implementation."""

MAGNIFIED = 1e4
"""Nor what is divided by nearly nothing in one normalisation after the other, which rounding errors are, too."""


class Problem:
    """A random network and data for a loss."""

    def __init__(self, model: Sequential, case: LossCase, seed: int, samples: int) -> None:
        rng = np.random.default_rng(seed)
        self.loss = case.make()
        self.name = case.name
        self.model = Sequential(model, *(last() for last in LAST.get(self.name, ())))
        self.model.parameters().value = rng.normal(scale=0.5, size=self.model.parameters().size)
        self.x = rng.normal(size=(samples, INPUTS))
        prediction = self.model.forward(self.x)
        self.y = case.draw(rng, prediction.shape)[1]
        margin = SATURATED.get(self.name, -np.inf)
        norms = [module for _, module in self.model.modules() if isinstance(module, BatchNorm | LayerNorm)]
        magnified = np.prod([norm.scale.max() for norm in norms])
        self.usable = bool((np.minimum(prediction, 1 - prediction) > margin).all() and magnified < MAGNIFIED)


def problems(case: LossCase, layers: tuple[Callable[[int], Layer], ...] = BETWEEN) -> st.SearchStrategy[Problem]:
    networks = architectures(INPUTS, max_width=4, layers=layers)
    return st.builds(Problem, networks, st.just(case), seeds, st.integers(1, 5)).filter(lambda problem: problem.usable)


def described(layer: Layer) -> list[tuple[str, dict[str, Any]]]:
    """A network as plain.py takes it."""
    if isinstance(layer, Residual):
        return [("Residual", {"layers": [pair for part in layer for pair in described(part)]})]
    if isinstance(layer, Sequential):
        return [pair for part in layer for pair in described(part)]
    return [(type(layer).__name__, {name: p.value.tolist() for name, p in layer.named_parameters()})]


def flat(network: plain.Network) -> Array:
    """All numbers of a network as plain.py gives it, in reading order."""
    found = [np.zeros(0)]
    for name, parameters in network:
        found += [flat(value) if name == "Residual" else np.ravel(value) for value in parameters.values()]
    return np.concatenate(found)


def agree(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10 * (1e-3 + np.abs(expected).max(initial=0)))


@pytest.mark.long
@pytest.mark.parametrize("name", [case.name for case in LOSSES if case.name != "BCELoss, smoothed"])
@half_as_many
@given(st.data())
def test_gradients_agree_with_finite_differences(name: str, data: st.DataObject) -> None:
    # The check also draws parameters, where a Sigmoid may round to 1. The smoothed loss is steep there.
    [case] = (case for case in LOSSES if case.name == name)
    problem = data.draw(problems(case, BETWEEN + RANDOM))
    risk = EmpiricalRisk(problem.model, problem.loss, problem.x, problem.y)
    untraced(check_gradients)(risk, rtol=TOLERANCE)  # tests of the check and of each layer measure what it runs


@every_loss
@half_as_many
@given(st.data())
def test_forward_and_backward_agree_with_plain_python(case: LossCase, data: st.DataObject) -> None:
    problem = data.draw(problems(case))
    network = described(problem.model)
    prediction = problem.model.forward(problem.x)
    value = problem.loss.forward(prediction, problem.y)
    grad_x = problem.model.backward(problem.loss.backward())
    batches = plain.forward(network, problem.x.tolist())
    plain_value, grad = plain.LOSSES[problem.name](batches[-1], problem.y.tolist())
    plain_grad_x, grads = plain.backward(network, batches, grad)
    agree(prediction, batches[-1])
    agree(value, plain_value)
    agree(grad_x, plain_grad_x)
    agree(problem.model.parameters().grad, flat(grads))


def shaking(rule: plain.Rule) -> plain.Rule:
    """The rule for gradients that are a little off: where that matters, as to a sign of nearly 0, rounding does."""
    return lambda theta, grads: rule(theta, [g - np.copysign(1e-15, g) for g in grads])


@pytest.mark.long
@every_optimizer
@half_as_many
@given(st.data())
def test_training_agrees_with_plain_python(case: OptimizerCase, data: st.DataObject) -> None:
    problem = data.draw(st.one_of(*map(problems, LOSSES)))
    samples = len(problem.x)
    size, epochs = data.draw(st.integers(1, samples)), data.draw(st.integers(1, 2))
    network = described(problem.model)
    for parameter in problem.model.parameters():
        parameter.decay = True  # plain.py knows no exceptions
    trainer = Trainer(problem.model, problem.loss, case.make(problem.model.parameters()))
    history = trainer.fit(problem.x, problem.y, epochs=epochs, batch_size=size, shuffle=False, on_divergence="stop")
    assume(history.reason is None and max(history.loss) < 1e3)  # where it blows up, so do the rounding errors

    starts = [start for _ in range(epochs) for start in range(0, samples, size)]
    batches = [(problem.x[start : start + size].tolist(), problem.y[start : start + size].tolist()) for start in starts]
    loss, ignored = plain.LOSSES[problem.name], plain.IGNORED.get(problem.name)
    after, losses = plain.train(network, loss, case.plain, batches, ignored)
    shaken, _ = plain.train(network, loss, shaking(case.plain), batches, ignored)
    assume(np.abs(flat(after) - flat(shaken)).max() < 1e-11)
    agree(history.loss, losses)
    agree(problem.model.parameters().value, flat(after))
    agree(problem.model.forward(problem.x), plain.forward(after, problem.x.tolist())[-1])
