"""Files with the right checksums but with content that no model has."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import BatchNorm, CheckpointError, Dense, Dropout, Sequential, load, save
from minidl.layers.activations import Activation
from minidl.parameters import Parameter
from minidl.saving import container
from minidl.saving.generators import generator_state
from minidl.saving.models import model_content, state_of, write_content
from minidl.saving.tree import ROOM
from tests.saving.helpers import entry
from tests.saving.hostile import SLACK

FLOATS = np.zeros(4)


def decoded(node: Any, folder: Path, arrays: dict[str, Any] | None = None) -> Any:
    """What a node of the description is read as."""
    container.write(folder / "forged.npz", {"value": node}, arrays or {"a": FLOATS})
    return entry(folder / "forged.npz", "value")


def module(name: str, home: str = "minidl", **arguments: Any) -> dict[str, Any]:
    return {"module": {"home": home, "type": name, "arguments": arguments}}


NODES: list[tuple[Any, str]] = [
    ({"call": "len"}, "holds something unknown, 'call'; was it written by a newer minidl?"),
    *(({kind: "a"}, f"holds something unknown, {kind!r}") for kind in ("text", "mixed", "rows", "tuples")),
    ({"initializer": "Callable"}, "holds something unknown, 'initializer'"),
    ({"initializer": "sqrt"}, "holds something unknown, 'initializer'"),
    ({}, "does not match: not enough values to unpack"),
    ({"array": "a", "list": "a"}, "does not match: too many values to unpack"),
    ({"array": "b"}, "lacks 'b'"),
    ({"array": ["a"]}, "does not match: .*unhashable type"),
    ({"float": "x"}, "does not match: could not convert string to float"),
    ({"float": None}, "does not match: float"),
    ({"tuple": 3}, "does not match: 'int' object is not iterable"),
    ({"dict": [1]}, "does not match: 'list' object has no attribute 'items'"),
    ({"module": []}, "does not match: list indices"),
    (module("Module"), "needs the type 'Module' of 'minidl', which nothing has defined"),
    (module("Dense", "tests"), "needs the type 'Dense' of 'tests', which nothing has defined"),
    (module("Dense", inputs=2), "describes a Dense that cannot be made: .*missing 1 required positional argument"),
    (
        module("Dense", inputs="2", outputs=3),
        "describes a Dense that cannot be made: Dense: inputs must be a positive integer",
    ),
    (module("Dense", inputs=2, outputs=3, rng="x"), "describes a Dense that cannot be made"),
    (module("Dense", inputs=2, outputs=3, size=4, bias=5), r"describes a Dense with \['bias', 'size'\], which"),
    (
        module("Dense", inputs=2, outputs=3, initializer="zeros"),
        "describes a Dense that cannot be made: Dense: initializer must be a function",
    ),
    (module("Sequential", layers=[module("Dense", inputs=2, outputs=3)] * 2), "describes a Sequential that cannot be"),
    (module("FunctionObjective", function=1, derivative=2, start=[]), "describes a FunctionObjective that cannot be"),
    ([{"array": "a"}, {"array": "a"}], "lacks 'a'"),
    ([{"list": "a"}, {"list": "a"}], "lacks 'a'"),
]


@pytest.mark.parametrize(("node", "words"), NODES)
def test_nodes_that_stand_for_no_value(node: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=words) as info:
        decoded(node, tmp_path)
    assert str(info.value).startswith(f"{str(tmp_path / 'forged.npz')!r} ")


@pytest.mark.parametrize("dtype", ["|b1", "|i1", "|u1", "<f2", "<f4", ">f8", "<u8"])
def test_lists_are_of_the_types_that_they_have(dtype: str, tmp_path: Path) -> None:
    """A list of 1 MB of truths would take 8."""
    with pytest.raises(CheckpointError, match="is forged: it has a list of "):
        decoded({"list": "a"}, tmp_path, {"a": FLOATS.astype(dtype)})


def test_lists_have_one_axis(tmp_path: Path) -> None:
    for array in (np.zeros((2, 2)), np.array(1.0)):
        with pytest.raises(CheckpointError, match="is forged: it has a list of "):
            decoded({"list": "a"}, tmp_path, {"a": array})


def dense(inputs: int, outputs: int) -> dict[str, Any]:
    return module("Dense", inputs=inputs, outputs=outputs)


SIZES: list[tuple[Any, str]] = [
    (dense(10**12, 1), "is forged: Dense of {'inputs': 1000000000000, 'outputs': 1} is larger than the file"),
    (dense(1, ROOM + 9), "is forged: Dense of "),
    (dense(10**6, 10**6), "is forged: Dense of "),
    (dense(400, 400), "is forged: Dense of "),
    (dense(ROOM + 8, 1), "cannot be made: a Parameter of 1 elements exceeds the limit: 0 are left"),
    (dense(ROOM + 8, -1), "cannot be made: Dense: outputs must be a positive integer"),
    (module("BatchNorm", features=10**12), "is forged: BatchNorm of "),
    (module("BatchNorm", features=10**12, momentum=0), "is forged: BatchNorm of "),
    (module("BatchNorm", features=10**12, momentum=-1), "is forged: BatchNorm of "),
    (module("BatchNorm", features=ROOM + 8), "a Parameter of 100008 elements exceeds the limit: 0 are left"),
    ([dense(100, 300)] * 4, "cannot be made: a Parameter of 30000 elements exceeds the limit: 9108 are left"),
    (module("Sequential", layers=[dense(100, 300)] * 4), "a Parameter of 30000 elements"),
]


@pytest.mark.parametrize(("node", "words"), SIZES)
def test_modules_that_are_larger_than_the_file(node: Any, words: str, tmp_path: Path) -> None:
    """The four floats of this file leave room for 100 008 numbers."""
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=words):
            decoded(node, tmp_path)
        assert tracemalloc.get_traced_memory()[1] < SLACK
    finally:
        tracemalloc.stop()


def test_only_what_may_become_a_parameter_makes_room(tmp_path: Path) -> None:
    node = dense(ROOM + 100, 1)
    for dtype in ("|b1", "<i8", "<f2", ">f8"):
        with pytest.raises(CheckpointError, match="is larger than the file"):
            decoded(node, tmp_path, {"a": np.zeros(101, dtype), "b": np.zeros(101, dtype)})
    for dtype in ("<f4", "<f8"):
        made = decoded(node, tmp_path, {"a": np.zeros(50, dtype), "b": np.zeros(51, dtype)})
        assert made.weight.shape == (ROOM + 100, 1)


def test_a_model_is_loaded_in_five_times_its_file(tmp_path: Path) -> None:
    """Once for the file, twice for values and gradients, and twice more while these move into one vector."""
    path = tmp_path / "model.npz"
    save(Sequential(Dense(1000, 1200), Dense(1200, 1000), rng=0), path)
    tracemalloc.start()
    try:
        model = load(path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert model.parameters().size * 8 == pytest.approx(path.stat().st_size, rel=0.01)
    assert kept < 2.1 * path.stat().st_size
    assert peak < 5.1 * path.stat().st_size


class Thrice(Activation):
    """Makes its numbers three times, which needs more room than they themselves."""

    def __init__(self, n: int) -> None:
        self.n = n
        for _ in range(3):
            self.numbers = Parameter(np.zeros(n))


def test_there_is_room_for_what_a_constructor_throws_away(tmp_path: Path) -> None:
    save(Sequential(Thrice(30_000)), tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").parameters().size == 30_000


def test_no_more_than_two_sizes_are_multiplied(tmp_path: Path) -> None:
    """A convolution of 50 000 to 2 channels may have a stride of 2, too."""

    class Convolution(Activation):
        __module__ = "minidl.layers"
        __qualname__ = "Convolution"

        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            self.inputs, self.outputs, self.stride = inputs, outputs, stride

    save(Convolution(50_000, 2, 2), tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").stride == 2
    save(Convolution(50_001, 2, 1), tmp_path / "model.npz")
    with pytest.raises(CheckpointError, match="is forged: Convolution of "):
        load(tmp_path / "model.npz")


def test_numbers_of_a_users_layer_may_be_large(tmp_path: Path) -> None:
    """A seed, for example."""

    class Hashed(Activation):
        def __init__(self, seed: int) -> None:
            self.seed = seed

    save(Hashed(2**100), tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").seed == 2**100


def forged(folder: Path, **changes: Any) -> Path:
    """A file of a model, in which some entries are others."""
    model = Sequential(Dense(2, 3), BatchNorm(3))
    content = {**model_content(model), "generators": {"states": [], "places": {}}}
    write_content({name: value for name, value in {**content, **changes}.items() if value != "missing"}, folder / "f")
    return folder / "f"


def state_with(name: str, value: Any) -> dict[str, Any]:
    """A model's state with another value for one entry, or without it."""
    state = state_of(Sequential(Dense(2, 3), BatchNorm(3)))
    parts = {**state["state"], name: value}
    return {**state, "state": {name: value for name, value in parts.items() if value is not None}}


MODELS: list[tuple[dict[str, Any], str]] = [
    ({"architecture": 3}, "does not match: 'int' object has no attribute 'named_parameters'"),
    ({"architecture": "missing"}, "lacks 'architecture'"),
    ({"architecture": Dense(2, 3)}, "lacks 'weight'"),
    ({"architecture": BatchNorm(3)}, "lacks 'weight'"),
    ({"model": "missing"}, "lacks 'model'"),
    ({"model": {}}, "lacks 'state'"),
    ({"model": state_with("0.weight", None)}, "lacks '0.weight'"),
    ({"model": state_with("0.weight", 1.0)}, "does not match: 'float' object has no attribute 'dtype'"),
    (
        {"model": state_with("0.weight", np.zeros((3, 2)))},
        "does not match: 0.weight must have shape (2, 3), got (3, 2)",
    ),
    ({"model": state_with("1.running_mean", None)}, "lacks '1.running_mean'"),
    (
        {"model": state_with("1.running_mean", np.zeros(2))},
        "does not match: 1.running_mean must have shape (3,), got (2,)",
    ),
    (
        {"model": state_with("2.weight", np.zeros(2))},
        "does not match: the state has 2.weight, which Sequential does not",
    ),
    ({"model": {"state": state_with("0.weight", np.zeros((2, 3)))["state"]}}, "lacks 'without_decay'"),
    ({"training": "missing"}, "lacks 'training'"),
    ({"training": None}, "does not match: argument of type 'NoneType' is not iterable"),
    ({"generators": "missing"}, "lacks 'generators'"),
    ({"generators": {}}, "lacks 'places'"),
    (
        {"generators": {"states": [], "places": {"model.0.rng": 0}}},
        "has generators at model.0.rng, but here they are at no",
    ),
]


@pytest.mark.parametrize(("changes", "words"), MODELS)
def test_models_that_lack_something(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert repr(load(forged(tmp_path))) == "Sequential(Dense(2, 3), BatchNorm(3))"
    path = forged(tmp_path, **changes)
    with pytest.raises(CheckpointError) as info:
        load(path)
    assert str(info.value).startswith(f"{str(path)!r} {words}")


def test_generators_that_are_not_the_models(tmp_path: Path) -> None:
    """A checkpoint has others, too, such as the one that draws the orders."""
    rng = np.random.default_rng(0)
    states = [generator_state(rng), generator_state(np.random.default_rng(1))]
    expected = Dropout(rng=0)(np.ones((3, 4)))
    model = Sequential(Dropout(rng=5))
    content = {**model_content(model), "generators": {"states": [], "places": {}}}
    places = {"batches": 1, "model.0.rng": 0, "other": 1}
    write_content({**content, "generators": {"states": states, "places": places}}, tmp_path / "run.npz")
    assert load(tmp_path / "run.npz")(np.ones((3, 4))).tolist() == expected.tolist()
    write_content({**content, "generators": {"states": states, "places": {"model.0.rng": 2}}}, tmp_path / "run.npz")
    with pytest.raises(CheckpointError, match="does not match: list index out of range"):
        load(tmp_path / "run.npz")


@pytest.mark.parametrize("content", [None, 1, "architecture", ["architecture"]])
def test_content_that_is_not_a_dict(content: Any, tmp_path: Path) -> None:
    container.write(tmp_path / "forged.npz", content, {})
    with pytest.raises(CheckpointError, match=r"forged\.npz' (lacks|does not match)"):
        load(tmp_path / "forged.npz")


@pytest.mark.parametrize("home", ["minidl.layers", "minidl.layers.dense", "minidl.layers.sequential"])
def test_a_layer_of_minidl_has_one_home_so_that_its_size_is_checked_first(home: str, tmp_path: Path) -> None:
    """Under another name of its home, a layer of a million inputs and outputs was made before anybody looked."""
    path = tmp_path / "model.npz"
    save(Dense(2, 3), path)
    text, arrays = container.read(path)
    text["architecture"]["module"] |= {"home": home}
    text["architecture"]["module"]["arguments"] |= {"inputs": 1_000_000, "outputs": 1_000_000}
    container.write(path, text, arrays)
    with pytest.raises(CheckpointError, match=f"needs the type 'Dense' of '{home}', which nothing has defined"):
        load(path)
