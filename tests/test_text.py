"""Texts as ids: the vocabulary, and windows that are never copied whole."""

import copy
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    SGD,
    CrossEntropyLoss,
    DataError,
    Dense,
    Embedding,
    HyperparameterError,
    Sequential,
    ShapeError,
    Trainer,
    Vocabulary,
    load_text,
    windows,
)


def test_the_vocabulary_of_the_text() -> None:
    text = load_text()
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode(text)
    assert len(vocabulary) == len(set(text)) == ids.max() + 1
    assert vocabulary.decode(ids) == text
    assert vocabulary.characters[vocabulary.encode("e")[0]] == "e"


@given(st.text(st.characters(exclude_categories=[]), min_size=1))
def test_any_text_comes_back(text: str) -> None:
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode(text)
    assert ids.tolist() == [sorted(set(text)).index(character) for character in text]
    assert vocabulary.decode(ids) == vocabulary.decode(ids.tolist()) == text


def test_copies_and_reprs_are_the_same_vocabulary() -> None:
    vocabulary = Vocabulary("to be")
    for same in (
        Vocabulary(vocabulary.characters),
        eval(repr(vocabulary)),
        copy.deepcopy(vocabulary),
        pickle.loads(pickle.dumps(vocabulary)),
    ):
        assert same.encode("boot").tolist() == vocabulary.encode("boot").tolist() == [1, 3, 3, 4]


@pytest.mark.parametrize(("text", "shown"), [("nabc", "'c' at index 3"), ("Nab", "'N' at index 0"), ("naé", "'é' at")])
def test_unknown_characters_are_refused(text: str, shown: str) -> None:
    with pytest.raises(DataError, match=f"{shown}.*not among the 3 characters"):
        Vocabulary("banana").encode(text)


@pytest.mark.parametrize(
    ("ids", "error"),
    [([0, 3], DataError), ([-1], DataError), ([0.0], DataError), ([[0, 1]], ShapeError), (0, ShapeError)],
)
def test_wrong_ids_are_refused(ids: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Vocabulary("banana").decode(ids)


def test_nothing_and_other_types() -> None:
    vocabulary = Vocabulary("banana")
    assert vocabulary.encode("").tolist() == []
    assert vocabulary.decode(vocabulary.encode("")) == vocabulary.decode([]) == ""
    with pytest.raises(DataError, match="at least one character"):
        Vocabulary("")
    call: Any
    for call in (Vocabulary, vocabulary.encode):
        with pytest.raises(TypeError, match="text must be of type str, got b'banana'"):
            call(b"banana")


@given(st.integers(2, 20), st.integers(1, 19), st.integers(1, 6))
def test_windows_are_all_slices_and_their_successors(size: int, length: int, stride: int) -> None:
    ids = np.random.default_rng(size).integers(0, 9, size)
    if size <= length:
        with pytest.raises(DataError, match=f"need a sequence of {length + 1}, got {size}"):
            windows(ids, length, stride=stride)
        return
    x, y = windows(ids, length, stride=stride)
    starts = [i for i in range(0, size, stride) if i + length < size]
    assert x.tolist() == [ids[i : i + length].tolist() for i in starts]
    assert y.tolist() == [ids[i + 1 : i + 1 + length].tolist() for i in starts]


def test_windows_are_views_that_nobody_writes_to() -> None:
    ids = np.arange(10, dtype=np.uint8)
    x, y = windows(ids, 4)
    assert np.shares_memory(x, ids)
    assert np.shares_memory(y, ids)
    assert x.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        x[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([[0, 1]], 1), ShapeError),
        (([0.0, 1.0], 1), DataError),
        (([0, -1], 1), DataError),
        (([0, 1], 0), HyperparameterError),
        (([0, 1], 1.0), HyperparameterError),
    ],
)
def test_wrong_sequences_and_lengths_are_refused(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        windows(*arguments)
    with pytest.raises(HyperparameterError, match="stride"):
        windows([0, 1, 2], 1, stride=0)


@pytest.mark.parametrize("ignore_index", [None, -1])
def test_training_on_windows_copies_a_batch_at_a_time(ignore_index: int | None) -> None:
    """All windows would take 256 times the memory of the sequence, and one bit for each of their ids 32 times."""
    ids = np.random.default_rng(0).integers(0, 8, 20_000)
    x, y = windows(ids, 256)
    held = windows(ids[:2000], 256, stride=256)
    model = Sequential(Embedding(8, 1), Dense(1, 8), rng=0)
    trainer = Trainer(model, CrossEntropyLoss(ignore_index=ignore_index), SGD(model.parameters(), 0.1))
    tracemalloc.start()
    try:
        trainer.fit(x, y, batch_size=8, validation=held, rng=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.size * ids.itemsize / 16
