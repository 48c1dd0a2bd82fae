"""States that grow, states that a file can no longer hold, and numbers in them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import SGD, Callback, Checkpoint, Embedding, MinidlWarning, MSELoss, Run, Trainer
from tests.training.resuming import fit, trainer


class Rows(Callback):
    """Has a state that grows without end."""

    def __init__(self, row: Callable[[Run], Any]) -> None:
        self.row, self.rows = row, []  # type: ignore[var-annotated]

    def on_step_end(self, run: Run) -> None:
        self.rows.append(self.row(run))

    def state(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.rows = list(state["rows"])


ROWS: list[Callable[[Run], Any]] = [
    lambda run: (run.step, run.loss),
    lambda run: [run.loss, run.step, [run.loss, True]],
    lambda run: run.loss if run.step % 3 else run.step,
    lambda run: 2**70 + run.step if run.step % 3 else run.loss,
]


@pytest.mark.parametrize("row", ROWS)
def test_states_that_grow(row: Any, tmp_path: Path) -> None:
    rows = Rows(row)
    fit(trainer(rows, Checkpoint(tmp_path / "run.npz", every_epochs=50)), 50)
    again = Rows(row)
    fit(trainer(again), 50, resume_from=tmp_path / "run.npz")
    assert again.rows == rows.rows
    assert repr(again.rows) == repr(rows.rows)  # 1 and 1.0 are equal


class Fails(Callback):
    """Has a state that no file can hold at some steps."""

    def __init__(self) -> None:
        self.step = 0

    def on_step_end(self, run: Run) -> None:
        self.step = run.step

    def state(self) -> dict[str, Any]:
        return {"bad": object() if self.step in (2, 3, 6) else 0}


def test_a_file_that_can_no_longer_be_written_does_not_end_the_run(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    words = r"run\.npz' cannot be written at step . and stays as it was: .*is of type object"
    with pytest.warns(MinidlWarning, match=words) as caught:
        end = fit(trainer(Fails(), Checkpoint(file, every_steps=1, every_epochs=None)), 1, batch_size=3)
    assert end == fit(trainer(), 1, batch_size=3)
    assert ["step 2" in str(caught[0].message), "step 6" in str(caught[1].message), len(caught)] == [True, True, 2]


class Norms(SGD):
    """Gains a number that it does not have at first."""

    name = "norm"

    def step(self) -> None:
        setattr(self, self.name, float(self.vectors[0].grad @ self.vectors[0].grad))
        super().step()


class HiddenNorms(Norms):
    name = "_norm"


def test_numbers_that_an_optimizer_gains_are_reported_with_the_first_file(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    words = r"cannot be written at step 4 .* Norms has gained norm since this fit began, .* set it in __init__"
    with pytest.warns(MinidlWarning, match=words):
        fit(trainer(Checkpoint(file), optimizer=Norms))
    assert not file.exists()


def test_hidden_numbers_of_an_optimizer_are_not_saved(tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    end = fit(trainer(Checkpoint(file), optimizer=HiddenNorms), 2)
    assert fit(trainer(optimizer=HiddenNorms), 2) == end
    fit(trainer(optimizer=HiddenNorms), 4, resume_from=file)


def test_numbers_that_are_not_finite_are_named_once_per_fit(tmp_path: Path) -> None:
    layer = Embedding(3, 1)
    layer.weight.value = [[0.0], [1.0], [np.nan]]  # no sample has the last id
    trainer = Trainer(layer, MSELoss(), SGD(layer.parameters(), 0.1), [Checkpoint(tmp_path / "run.npz", every_steps=1)])
    for _ in range(2):
        with pytest.warns(MinidlWarning, match="holds numbers that are not finite: weight") as caught:
            trainer.fit([[0], [1]], [[[1.0]], [[2.0]]], epochs=3)
        assert len(caught) == 1


def test_a_ranking_of_numbers_of_numpy_becomes_one_of_python() -> None:
    checkpoint = Checkpoint("run.npz", best="validation_loss")
    checkpoint.load_state(checkpoint.state() | {"ranking": np.array([[0.5, 3.0], [0.75, 1.0]])})
    assert checkpoint.ranking == [(0.5, 3), (0.75, 1)]
    assert [tuple(map(type, row)) for row in checkpoint.ranking] == [(float, int)] * 2
