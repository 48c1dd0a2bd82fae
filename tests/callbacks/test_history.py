"""History and RecordPath: what a run records."""

from itertools import pairwise
from typing import Any

import numpy as np

from minidl import SGD, History, Quadratic, RecordPath, Run, minimize
from tests.callbacks.recording import Hooks
from tests.helpers import bits
from tests.training.factories import data, make_trainer, network


def train() -> History:
    return make_trainer(network()).fit(*data(6), epochs=2, batch_size=3, rng=0)


def test_it_holds_losses_epochs_and_reason() -> None:
    history = train()
    assert len(history.loss) == 4
    assert all(type(loss) is float for loss in history.loss)
    assert list(history.epochs) == ["loss"]
    np.testing.assert_allclose(history.epochs["loss"], [np.mean(history.loss[:2]), np.mean(history.loss[2:])])
    assert history.reason is None
    assert repr(history) == f"History(4 steps, last loss {history.loss[-1]:.6g})"
    assert repr(History()) == "History(0 steps)"
    assert History().reason is None


def test_a_metric_that_comes_late_or_pauses_has_its_place() -> None:
    trainer = make_trainer(network())
    for epochs, validation in ((2, None), (3, data()), (1, None), (1, data()), (2, None)):
        trainer.fit(*data(), epochs=epochs, validation=validation)
    measured = trainer.history.epochs
    assert np.isnan(measured["validation_loss"]).tolist() == [True] * 2 + [False] * 3 + [True, False, True, True]
    assert len(measured["loss"]) == 9
    assert not np.isnan(measured["loss"]).any()
    # On all the data and without shuffling, the loss of a step is that after the epoch before.
    assert measured["validation_loss"][2:5] == measured["loss"][3:6]


def test_state_round_trip() -> None:
    history, other = train(), History()
    other.load_state(history.state())
    assert (other.loss, other.epochs) == (history.loss, history.epochs)
    assert all(type(loss) is float for loss in other.loss)


def test_a_path_holds_every_point_as_a_copy() -> None:
    bowl, path = Quadratic([[1.0]], start=[8.0]), RecordPath()
    assert (path.points, path.begin) == ([], 0)
    minimize(bowl, SGD(bowl.parameters(), 0.5), 3, [path])
    assert [point.tolist() for point in path.points] == [[8.0], [4.0], [2.0], [1.0]]


def test_a_path_continues_in_a_second_fit() -> None:
    model, path = network(), RecordPath()
    start = bits(model.parameters().value)
    trainer = make_trainer(model, path)
    trainer.fit(*data(), epochs=2)
    trainer.fit(*data(), epochs=3)
    assert len(path.points) == 6
    assert (bits(path.points[0]), bits(path.points[-1])) == (start, bits(model.parameters().value))
    assert all(not np.array_equal(a, b) for a, b in pairwise(path.points))


def test_all_lists_of_epochs_have_one_length_after_each_epoch() -> None:
    lengths: list[set[int]] = []

    def look(run: Run) -> None:
        lengths.append(set(map(len, trainer.history.epochs.values())))
        if run.epoch == 4:
            run.metrics["late"] = 1.0

    trainer = make_trainer(network(), Hooks(on_epoch_end=look), History())
    for epochs, options in ((2, {}), (1, {"validation": data()}), (2, {"training_loss": True}), (1, {})):
        trainer.fit(*data(), epochs=epochs, **options)
    assert lengths == [{epoch} for epoch in range(1, 7)]
    other: Any = trainer.callbacks[1]
    assert set(map(len, other.epochs.values())) == {6}
    assert np.isnan(other.epochs["late"]).tolist() == [True] * 3 + [False] + [True] * 2
