"""Functions of packages without use become empty, and all that others refer to stay as they are."""

from types import ModuleType

import pytest

from tests.playground.built import load_script
from tests.playground.wasm import HEADER, call, constant, module, number, section, text

RUN = [("PyInit_a", "PyInit_c")]
# Their numbers are 1, 2, …: the import has number 0. The unused ones are from 3 on.
FUNCTIONS = {
    "main": call(4) + constant(2),
    "other": b"\x10\x10\x0a",  # a call in few bytes, after something that looks like a call
    "PyInit_a": call(8),
    "called": constant(1) + call(9),
    "in_table": b"",
    "std::__2::vector<int>::push_back(int)": call(9),
    "bool pybind11::f<int>()": b"",
    "alone": call(3),
    "called_twice": call(4),
    "short": b"",
    "std::__2::vector<Highs>::size()": b"",
    "(anonymous namespace)::c2c(pybind11::array)": b"",
    "PyInit_c": b"",
    "after": b"",
    "alloc_mmap": b"\x10\x03",
}
TABLE = {1: "in_table", 2: "after", 3: "alone"}
DROPPED = {
    "PyInit_a", "alone", "PyInit_c", "std::__2::vector<Highs>::size()", "(anonymous namespace)::c2c(pybind11::array)",
}  # fmt: skip


@pytest.fixture(scope="module")
def pruning() -> ModuleType:
    return load_script("pruning")


def bodies(pruning: ModuleType, pruned: bytes) -> dict[str, bytes]:
    parts = dict(pruning.sections(pruned))
    return dict(zip(FUNCTIONS, pruning.read_bodies(parts[10, ""]), strict=True))


def test_what_nothing_refers_to_becomes_empty(pruning: ModuleType) -> None:
    whole = module(FUNCTIONS, TABLE)
    before, after = bodies(pruning, whole), bodies(pruning, pruning.prune(whole, RUN))
    assert {name for name in FUNCTIONS if after[name] == b"\3\0\0\x0b"} == DROPPED
    assert all(after[name] == before[name] for name in FUNCTIONS.keys() - DROPPED - {"alloc_mmap"})


def test_memory_that_is_filled_with_zeros_is_never_there(pruning: ModuleType) -> None:
    pruned = bodies(pruning, pruning.prune(module(FUNCTIONS, TABLE), RUN))
    assert pruned["alloc_mmap"] == number(4) + b"\0\x41\x7f\x0b"  # i32.const -1, which is MAP_FAILED


def test_all_but_code_and_names_stays(pruning: ModuleType) -> None:
    whole = module(FUNCTIONS, TABLE)
    before, after = (dict(pruning.sections(data)) for data in (whole, pruning.prune(whole, RUN)))
    assert list(after) == [(1, ""), (2, ""), (9, ""), (10, "")]
    assert all(after[key] == before[key] for key in after if key != (10, ""))


def test_a_large_function_keeps_its_size(pruning: ModuleType) -> None:
    functions = {"main": b"\x01" * 1000, "PyInit_a": b"\x01" * 70_000, "PyInit_c": b"", "alloc_mmap": b""}
    pruned = pruning.prune(module(functions), RUN)
    kept = list(pruning.read_bodies(dict(pruning.sections(pruned))[10, ""]))
    assert kept[0] == number(1002) + b"\0" + b"\x01" * 1000 + b"\x0b"
    assert kept[1:3] == [b"\3\0\0\x0b"] * 2
    assert len(pruned) < 1400


def test_a_module_that_has_changed_is_an_error(pruning: ModuleType) -> None:
    whole = module(FUNCTIONS, TABLE)
    for run in ([("PyInit_x", "PyInit_c")], [("PyInit_a", "PyInit_x")], [("PyInit_c", "PyInit_a")]):
        with pytest.raises(ValueError, match=rf"no functions from {run[0][0]} to {run[0][1]}: it has changed"):
            pruning.prune(whole, run)
    with pytest.raises(ValueError, match="0 functions alloc_mmap, not one: it has changed"):
        pruning.prune(module({name: body for name, body in FUNCTIONS.items() if name != "alloc_mmap"}, TABLE), RUN)
    with pytest.raises(ValueError, match="not a WebAssembly module"):
        pruning.prune(b"\x7fELF" + bytes(8), RUN)
    with pytest.raises(ValueError, match="ends within a section"):
        pruning.prune(whole[:-2], RUN)
    with pytest.raises(ValueError, match="other than a function"):
        pruning.prune(HEADER + section(2, b"\1" + text("m") + text("memory") + b"\2\0\1"), RUN)
    with pytest.raises(ValueError, match="table of functions"):
        pruning.prune(HEADER + section(9, b"\2\0\x41\1\x0b\0\0\x41\1\x0b\0"), RUN)


def test_numbers_are_written_as_they_are_read(pruning: ModuleType) -> None:
    for value in (0, 1, 127, 128, 300, 16_383, 16_384, 41_111_369):
        assert pruning.write_number(value) == number(value)
        assert pruning.read_number(b"x" + number(value) + b"y", 1) == (value, 1 + len(number(value)))
