"""What states and arguments are made of, in files and back."""

import hashlib
import math
import string
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import CheckpointError, Dense, Parameter, ReLU, Sequential, initializers
from minidl.saving import container
from minidl.saving.models import checksum, encoded, write_content
from tests.saving.helpers import entry, plain, value_again

LONG_TEXT = "Ein Text mit Umlauten äöü, 模型, 😀, und einem halben Zeichen \ud800. " * 50

VALUES: dict[str, Any] = {
    "nothing": None,
    "true": True,
    "int": -3,
    "zero": 0,
    "128 bits": 2**127 + 1,
    "many digits": -(10**3000),
    "float": 0.1,
    "subnormal": 5e-324,
    "largest": sys.float_info.max,
    "minus zero": -0.0,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "text": "text",
    "odd text": "\x00\n\"'\\/é模😀\ud800",
    "text that looks like an array": '{"array": "value"}',
    "long text": "x" * 10_000,
    "long odd text": LONG_TEXT,
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "list": [1, 2.0, "3", None, [4, [5]], (6,), {"seven": 7}],
    "tuple": (1, (2.0, ["3"]), ()),
    "dict": {"a": {"b": {"c": [1, {"d": 2}]}}, "dict": {}, "array": "x", "float": math.inf, "": 0},
    "100 floats": [0.1] * 100,
    "101 floats": [0.1 * i for i in range(101)],
    "floats, not all finite": [math.nan, math.inf, -math.inf, -0.0] * 100,
    "50000 floats": [0.5] * 50_000,
    "50000 ints": list(range(-25_000, 25_000)),
    "ints of 64 bits": [2**63 - 1, -(2**63)] * 100,
    "ints of more than 64 bits": [2**63, -1] * 100,
    "ints of 100 bits": [2**100] * 200,
    "ints and floats": [1, 1.0] * 100,
    "ints and truths": [1, True] * 100,
    "truths": [True, False] * 100,
    "long tuple of ints": (2**40,) * 200,
    "texts": ["a", "b"] * 100,
    "lists": [[1.0]] * 200,
    "long tuple": (0.5,) * 200,
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str, tmp_path: Path) -> None:
    value = VALUES[name]
    assert plain(value_again(value, tmp_path)) == plain(value)


def test_nan(tmp_path: Path) -> None:
    back = value_again({"a": math.nan, "b": [math.nan]}, tmp_path)
    assert math.isnan(back["a"])
    assert math.isnan(back["b"][0])


SCALARS = [np.float64(0.1), np.float32(0.1), np.float16(0.1), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True)]


@pytest.mark.parametrize("value", [*SCALARS, np.str_("text"), np.float64(np.nan), np.float32(np.inf)], ids=repr)
def test_scalars_of_numpy_become_those_of_python(value: Any, tmp_path: Path) -> None:
    back = value_again(value, tmp_path)
    assert type(back) is type(value.item())
    assert plain(back) == plain(value.item())


@pytest.mark.parametrize("count", [3, 101, 50_000])
def test_lists_of_scalars_of_numpy(count: int, tmp_path: Path) -> None:
    back = value_again([np.float64(i) for i in range(count)], tmp_path)
    assert plain(back) == plain([float(i) for i in range(count)])


def test_mappings_and_lists_of_other_types_become_plain_ones(tmp_path: Path) -> None:
    back = value_again(OrderedDict(b=1, a=2), tmp_path)
    assert type(back) is dict
    assert list(back.items()) == [("b", 1), ("a", 2)]


def grid(dtype: Any) -> Any:
    return np.arange(24).reshape(2, 3, 4).astype(dtype)


def mapped(folder: Path) -> Any:
    array: Any = np.memmap(folder / "memory", np.float32, "w+", shape=(2, 3))
    array[...] = 1.5
    return array


ARRAYS: dict[str, Callable[[Path], Any]] = {
    "big-endian floats": lambda _: grid(">f8"),
    "big-endian integers": lambda _: grid(">i2"),
    "of no axis": lambda _: np.array(0.1),
    "of no axis, true": lambda _: np.array(True),
    "of one number": lambda _: np.array([[[7]]]),
    "empty": lambda _: np.zeros(0),
    "empty of two axes": lambda _: np.zeros((3, 0), np.float32),
    "empty of three axes": lambda _: np.zeros((0, 3, 0), bool),
    "column by column": lambda _: np.asfortranarray(grid("f8")),
    "transposed": lambda _: grid("f4").T,
    "every second": lambda _: grid("f8")[:, ::2, 1:],
    "backwards": lambda _: grid("f8")[::-1],
    "broadcast": lambda _: np.broadcast_to(np.arange(3.0), (4, 3)),
    "not finite": lambda _: np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "NaN of other bits": lambda _: np.array([0x7FF8000000000001, 0xFFF0000000000001], np.uint64).view(np.float64),
    "of many axes": lambda _: np.zeros((1,) * 32),
    "read only": lambda _: np.frombuffer(b"12345678", np.uint8),
    "mapped": mapped,
    "masked nowhere": lambda _: np.ma.masked_array([1.0, 2.0]),
    "large": lambda _: np.random.default_rng(0).random(400_000),
}


@pytest.mark.parametrize("name", [*ARRAYS, *["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]])
def test_arrays(name: str, tmp_path: Path) -> None:
    array = ARRAYS[name](tmp_path) if name in ARRAYS else grid(name)
    back = value_again(array, tmp_path)
    assert type(back) is np.ndarray
    assert plain(back) == plain(np.asarray(array))
    assert back.flags.c_contiguous
    assert back.flags.writeable


@given(st.data())
def test_trees_of_values(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    leaves: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    leaves |= st.integers(0, 3).map(lambda n: np.arange(n, dtype=np.float32))
    inner = lambda tree: st.lists(tree) | st.lists(tree).map(tuple) | st.dictionaries(st.text(), tree)  # noqa: E731
    value = data.draw(st.recursive(leaves, inner, max_leaves=20))
    assert plain(value_again(value, tmp_path_factory.mktemp("tree"))) == plain(value)


KEYS = ["a/b", "..", "../..", "/", "/etc/passwd", "C:\\x", "é", "è", "模型", "", " ", "\x00", "\n", ".", "a.b", "..."]
KEYS += ["minidl.json", "value", "k" * 600, "k" * 601, "x" * 399, "\ud800", "a\\..\\b", "CON", "%s", "_", "__2", "_2"]


def test_keys_of_all_kinds(tmp_path: Path) -> None:
    value = {key: np.array([index]) for index, key in enumerate(KEYS)}
    back = value_again(value, tmp_path)
    assert plain(back) == plain(value)
    assert list(back) == KEYS
    with np.load(tmp_path / "value.npz", allow_pickle=False) as file:
        allowed = set(string.ascii_letters + string.digits + "_./-")
        assert all(set(name) <= allowed and ".." not in name and len(name) <= 500 for name in file.files)
        assert len(file.files) == len(KEYS) + 1


def test_a_name_that_was_made_up_is_taken_already(tmp_path: Path) -> None:
    """The key "é" becomes "_", which is taken, and so are the names that are tried next."""
    keys = ["__0", "__1", "__2", "__4", "__5", "__6", "__7", "_", "é", "__3", "ü", "ß"]
    value = {key: np.array([index]) for index, key in enumerate(keys)}
    assert plain(value_again(value, tmp_path)) == plain(value)


@given(st.dictionaries(st.text("_é2/.3", max_size=4), st.integers(), max_size=20))
def test_keys_that_become_the_same(tmp_path_factory: pytest.TempPathFactory, numbers: dict[str, int]) -> None:
    value = {key: np.array([float(number % 97)]) for key, number in numbers.items()}
    assert plain(value_again(value, tmp_path_factory.mktemp("keys"))) == plain(value)


def endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


WRONG: dict[str, tuple[Any, str]] = {
    "complex": (1j, "value is of type complex; a file holds arrays of real numbers, numbers, strings, None, modules, "),
    "bytes": (b"x", "value is of type bytes"),
    "set": ([1, {2}], "value/1 is of type set"),
    "function": ({"f": len}, "value/f is of type builtin_function_or_method"),
    "own initializer": (initializers.constant(2.0), "value is of type function"),
    "class": (Dense, "value is of type type"),
    "generator": (np.random.default_rng(0), "value is of type Generator"),
    "Parameter": (Parameter([1.0]), "value is of type Parameter"),
    "objects": (np.array([None]), "value is of type ndarray"),
    "texts": (np.array(["a"]), "value is of type ndarray"),
    "complex array": (np.zeros(2, complex), "value is of type ndarray"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "value is of type ndarray"),
    "long double": (np.longdouble(1), "value is of type longdouble"),
    "masked": (np.ma.masked_array([1.0, 2.0], [True, False]), "value is of type MaskedArray"),
    "a number as key": ({"a": {1: 2}}, "value/a is a dict with the key 1; a file holds only strings as keys"),
    "itself": (endless(), "what is to be saved is nested too deeply, or holds itself"),
    "too many digits": (10**5000, "no file can hold this: Exceeds the limit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_file_can_hold(name: str, tmp_path: Path) -> None:
    value, words = WRONG[name]
    with pytest.raises(CheckpointError) as info:
        write_content({"value": value}, tmp_path / "value.npz")
    assert str(info.value).startswith(words)
    assert not list(tmp_path.iterdir())


def test_modules_in_lists_and_dicts(tmp_path: Path) -> None:
    value = {"a": [Dense(1, 2), (ReLU(),)], "b": {"c": Sequential(ReLU())}}
    assert repr(value_again(value, tmp_path)) == repr(value)


@pytest.mark.parametrize("name", [name for name in initializers.__all__ if name not in ("Initializer", "constant")])
def test_initializers(name: str, tmp_path: Path) -> None:
    assert value_again([getattr(initializers, name)], tmp_path) == [getattr(initializers, name)]


def test_what_is_encoded_is_text_and_arrays() -> None:
    weight = np.ones((2, 3))
    text, arrays = encoded({"a": {"w": weight, "é": weight, "n": 3}, "b": (1, math.inf)})
    assert text == {
        "a": {"dict": {"w": {"array": "a/w"}, "é": {"array": "a/_"}, "n": 3}},
        "b": {"tuple": [1, {"float": "inf"}]},
    }
    assert arrays.keys() == {"a/w", "a/_"}
    assert arrays["a/w"] is weight
    assert list(encoded({"k" * 600: weight, "k" * 500: weight})[1]) == ["k" * 400, "k" * 400 + "_1"]


@pytest.mark.parametrize(
    ("short", "long", "kind"),
    [
        ([0.5] * 100, [0.5] * 101, "list"),
        ([1] * 100, [1] * 101, "list"),
        ([np.float64(1.0)] * 100, [np.float64(1.0)] * 101, "list"),
    ],
)
def test_what_is_long_is_an_array(short: Any, long: Any, kind: str) -> None:
    """Otherwise a history of a few thousand steps would be too long for the description."""
    assert encoded({"a": short}) == ({"a": short}, {})
    text, arrays = encoded({"a": long})
    assert text == {"a": {kind: "a"}}
    assert arrays["a"].shape == (len(long),)


def deep(levels: int) -> Any:
    value: Any = 1.0
    for _ in range(levels):
        value = [value]
    return value


def test_what_is_nested_too_deeply_to_be_read(tmp_path: Path) -> None:
    assert value_again(deep(100), tmp_path) == deep(100)
    path = tmp_path / "value.npz"
    container.write(path, {"value": deep(900)}, {})  # as text it is not too deep, nor as a value
    with pytest.raises(CheckpointError, match=r"value\.npz' is nested too deeply"):
        entry(path, "value")


def test_what_is_neither_long_nor_all_numbers_is_written_item_by_item() -> None:
    for value in ([1, 1.0] * 100, [True] * 101, [0.5, None] * 60, [2**63] * 101):
        assert encoded({"a": value}) == ({"a": value}, {})


def test_a_checksum_is_of_the_numbers_alone() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert checksum(array) == checksum(np.asfortranarray(array)) == checksum(array.ravel()) == checksum(array[:, :])
    assert checksum(array) != checksum(array.T)
    assert checksum(np.array([1.0])) == hashlib.sha256(struct.pack("<d", 1.0)).hexdigest()
