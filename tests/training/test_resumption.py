"""What a resumed run takes from its file besides parameters and slots, and when."""

import gc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import Callback, Checkpoint, CheckpointError, Dropout, MinidlWarning, MSELoss, Optimizer, Run, Trainer
from minidl.layers.activations import Activation
from minidl.typing import Array
from tests.training import resuming
from tests.training.resuming import Stop, StopError, fit, trainer


class NoisyLoss(MSELoss):
    """Adds noise to the targets."""

    def __init__(self, rng: int) -> None:
        self.rng = np.random.default_rng(rng)

    def forward(self, prediction: Array, target: Array) -> float:
        return super().forward(prediction, target + 0.1 * self.rng.normal(size=target.shape))


class GrowingLoss(MSELoss):
    """Counts in a buffer, and follows it."""

    buffers = ("scale",)

    def __init__(self) -> None:
        self.scale = 1.0

    def forward(self, prediction: Array, target: Array) -> float:
        self.scale += 0.1
        return super().forward(prediction, self.scale * target)


class Shakes(Callback):
    """Moves the parameters at random; its generator is there from the beginning of a fit on."""

    def __init__(self, rng: int) -> None:
        self.seed = rng

    def on_fit_begin(self, run: Run) -> None:
        self.rng = np.random.default_rng(self.seed)

    def on_step_end(self, run: Run) -> None:
        theta = run.model.parameters().value
        theta += 0.01 * self.rng.normal(size=theta.size)


class Langevin(Optimizer):
    """Gradient descent with noise (Welling and Teh 2011)."""

    def __init__(self, parameters: Any, lr: float, rng: int = 0) -> None:
        super().__init__(parameters, lr)
        self.streams = {"noise": [np.random.default_rng(rng)]}

    def update(self, theta: Array, grad: Array) -> None:
        theta -= self.lr * grad + 0.01 * self.streams["noise"][0].normal(size=grad.size)


class TwoNoises(Activation):
    """Has its generators in a list."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rngs = [np.random.default_rng(seed), np.random.default_rng(seed + 1)]

    def forward(self, x: Array) -> Array:
        return x + sum(rng.normal(size=x.shape) for rng in self.rngs) if self.training else x

    def backward(self, grad: Array) -> Array:
        return grad


RANDOM: dict[str, Callable[..., Trainer]] = {
    "loss": lambda *callbacks: trainer(*callbacks, loss=lambda: NoisyLoss(1)),
    "buffer of the loss": lambda *callbacks: trainer(*callbacks, loss=GrowingLoss),
    "callback": lambda *callbacks: trainer(Shakes(1), Shakes(2), *callbacks),
    "optimizer": lambda *callbacks: trainer(*callbacks, optimizer=Langevin),
    "layer": lambda *callbacks: trainer(*callbacks, layer=lambda: TwoNoises(3)),
}


@pytest.mark.parametrize("after", [2, 4, 7])
@pytest.mark.parametrize("name", RANDOM)
def test_wherever_the_randomness_is_a_resumed_run_ends_the_same(name: str, after: int, tmp_path: Path) -> None:
    make, file = RANDOM[name], tmp_path / "run.npz"
    with pytest.raises(StopError):
        fit(make(Checkpoint(file, every_steps=1), Stop(after)))
    assert fit(make(), resume_from=file) == fit(make())


class Tupled(TwoNoises):
    """Has them in a tuple."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.rngs: Any = tuple(self.rngs)


class OldNoise(Activation):
    """Has a generator of the old kind."""

    def __init__(self) -> None:
        self.rng = np.random.RandomState(0)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (
            lambda: Tupled(1),
            r"model\.1\.rngs\.0 is a generator in a tuple and cannot be restored there; use a list",
        ),
        (OldNoise, r"the generator RandomState\(MT19937\) .*cannot be saved; make it with numpy\.random\.default_rng"),
    ],
)
def test_generators_that_could_not_be_brought_back(layer: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=words):
        fit(trainer(Checkpoint(tmp_path / "run.npz"), layer=layer))


class Counts(Callback):
    """Counts steps if it is on, and has a state only if it has counted."""

    def __init__(self, name: str, on: bool) -> None:
        self.name, self.on, self.count = name, on, 0

    def on_step_end(self, run: Run) -> None:
        self.count += self.on

    def state(self) -> dict[str, Any]:
        return {"name": self.name, "count": self.count} if self.count else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        assert state["name"] == self.name
        self.count = state["count"]


def test_a_state_goes_to_the_callback_it_came_from_though_others_have_none(tmp_path: Path) -> None:
    fit(trainer(Counts("a", False), Counts("b", True), Checkpoint(tmp_path / "run.npz")), 2)
    a, b = Counts("a", False), Counts("b", True)
    fit(trainer(a, b), resume_from=tmp_path / "run.npz")
    assert (a.count, b.count) == (0, 16)


class Anneals(Callback):
    """Changes an argument of a layer."""

    def on_epoch_begin(self, run: Run) -> None:
        dropout = next(module for _, module in run.model.modules() if isinstance(module, Dropout))
        dropout.p = 0.5 / (1 + run.epoch)


@pytest.mark.parametrize("after", [3, 5, 6, 9])
def test_an_argument_that_changes_during_the_run(after: int, tmp_path: Path) -> None:
    def make(*callbacks: Callback) -> Trainer:
        return trainer(Anneals(), *callbacks, layer=lambda: Dropout(0.5, rng=3))

    whole, file = fit(make()), tmp_path / "run.npz"
    first = make(Checkpoint(file, every_steps=1), Stop(after))
    with pytest.raises(StopError):
        fit(first)
    assert fit(make(), resume_from=file) == whole
    first.callbacks = first.callbacks[:1]
    assert fit(first, resume_from=file) == whole


class Limit(Callback):
    """Stops a run, as a limit of time would."""

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch == 2:
            run.stop("time is up")


class Anyway(Callback):
    """Continues the run regardless."""

    def on_fit_begin(self, run: Run) -> None:
        run.reason = None


def test_a_run_that_was_stopped_warns_and_can_be_continued(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    fit(trainer(Limit(), Checkpoint(file)))
    words = r"is of a run that had ended \(time is up\), and so does this one; to continue it, set run.reason = None"
    stopped = trainer()
    with pytest.warns(MinidlWarning, match=words) as caught:
        fit(stopped, resume_from=file)
    assert caught[0].filename == resuming.__file__
    assert len(stopped.history.loss) == 8
    with pytest.warns(MinidlWarning, match="that had ended"):
        assert fit(trainer(Anyway()), resume_from=file) == fit(trainer())


class Looks(Callback):
    """Counts the contents of files that are still in memory."""

    def __init__(self) -> None:
        gc.collect()
        self.at_first = self.count()

    def count(self) -> int:
        return sum(isinstance(thing, dict) and {"as_code", "generators"} <= thing.keys() for thing in gc.get_objects())

    def on_fit_begin(self, run: Run) -> None:
        self.before = self.count() - self.at_first

    def on_step_end(self, run: Run) -> None:
        self.after = self.count() - self.at_first


def test_a_resumed_run_lets_go_of_the_file(tmp_path: Path) -> None:
    fit(trainer(Checkpoint(tmp_path / "run.npz")), 2)
    looks = Looks()
    fit(trainer(looks), resume_from=tmp_path / "run.npz")
    assert (looks.before, looks.after) == (1, 0)
