"""Models come back from files as they were saved, bit for bit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    CheckpointError,
    Dense,
    Dropout,
    FunctionObjective,
    LayerNorm,
    ReLU,
    Residual,
    Sequential,
    load,
    save,
)
from minidl.batch import arrays_in, as_floats
from minidl.layers.activations import Activation
from minidl.saving.models import read_content
from tests.helpers import bits, ones_like, randomise
from tests.saving.breaking import members_of, pack
from tests.saving.helpers import again, all_of
from tests.tables import LAYERS, LOSSES, OBJECTIVES, LayerCase, LossCase, ObjectiveCase

WIDTH = 3
DTYPES = [np.float64, np.float32]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_layers(case: LayerCase, dtype: type, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layer = case.make(WIDTH).astype(dtype)
    randomise(layer, rng)
    x: Any = as_floats(case.draw(rng, 5, WIDTH), dtype)
    layer(x)  # moves buffers and generators away from where they begin
    for _, part in layer.modules():
        part._training = bool(rng.integers(2))
    loaded = again(layer, tmp_path)
    assert all_of(loaded) == all_of(layer)
    assert bits(loaded.predict(x)) == bits(layer.predict(x))
    assert {array.dtype for array in arrays_in((loaded.predict(x), layer.predict(x)))} == {np.dtype(dtype)}
    layer.training = loaded.training = True
    for _ in range(2):
        assert bits(loaded(x), loaded.backward(ones_like(loaded(x)))) == bits(
            layer(x), layer.backward(ones_like(layer(x)))
        )
    assert bits(loaded.parameters().grad) == bits(layer.parameters().grad)
    assert all_of(loaded) == all_of(layer)


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_losses(case: LossCase, tmp_path: Path) -> None:
    loss = case.make()
    loaded = again(loss, tmp_path)
    prediction, target = case.draw(np.random.default_rng(0), (4, 2))
    assert all_of(loaded) == all_of(loss)
    assert loaded(prediction, target) == loss(prediction, target)
    assert bits(loaded.backward()) == bits(loss.backward())


@pytest.mark.parametrize("case", OBJECTIVES, ids=lambda case: case.name)
def test_objectives(case: ObjectiveCase, tmp_path: Path) -> None:
    objective = case.make(WIDTH)
    randomise(objective, np.random.default_rng(0))
    if type(objective) is FunctionObjective:
        with pytest.raises(
            CheckpointError, match="a file cannot hold the function passed as 'function'; make it a met"
        ):
            save(objective, tmp_path / "objective.npz")
        assert not list(tmp_path.iterdir())
        return
    loaded = again(objective, tmp_path)
    assert all_of(loaded) == all_of(objective)
    theta = np.random.default_rng(1).normal(size=objective.parameters().size)
    assert loaded.value(theta) == objective.value(theta)
    assert bits(loaded.gradient(theta)) == bits(objective.gradient(theta))


def test_numbers_of_an_objective_are_not_sizes(tmp_path: Path) -> None:
    """A start at x = 10⁹ is not a layer of 10⁹ units."""
    case = next(case for case in OBJECTIVES if case.name == "CubicValley")
    valley = type(case.make(2))(10**9, 3)  # type: ignore[call-arg]
    assert repr(again(valley, tmp_path)) == "CubicValley(x=1000000000, y=3)"


def test_a_model_of_one_layer_that_is_larger_than_anything_else(tmp_path: Path) -> None:
    loaded = again(Sequential(Dense(1, 120_000, use_bias=False), rng=0, dtype=np.float32), tmp_path)
    assert loaded[0].weight.shape == (1, 120_000)


def test_buffers_keep_the_types_that_they_have(tmp_path: Path) -> None:
    norm = BatchNorm(3)
    norm.running_mean = norm.running_mean.astype(np.float32)
    loaded = again(norm, tmp_path)
    assert (loaded.running_mean.dtype, loaded.running_var.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize("dtype", ["<i8", "<f2", ">f8", "|b1"])
def test_parameters_are_of_float32_or_float64(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = Dense(2, 3)
    state = dense.state()
    monkeypatch.setattr(dense, "state", lambda: {**state, "weight": state["weight"].astype(dtype)})
    save(dense, tmp_path / "forged.npz")
    with pytest.raises(CheckpointError, match="is forged: weight is of "):
        load(tmp_path / "forged.npz")


def test_parameters_of_a_loaded_model_lie_in_one_vector(tmp_path: Path) -> None:
    loaded = again(Sequential(Dense(2, 3), Residual(Dense(3, 3)), rng=0, dtype=np.float32), tmp_path)
    vector = loaded.parameters()
    loaded[0].bias.value = [1.0, 2.0, 3.0]
    assert vector.value[6:9].tolist() == [1.0, 2.0, 3.0]
    assert not vector.moved


def test_flags_of_parameters_and_layers(tmp_path: Path) -> None:
    model = Sequential(Dense(2, 3), Sequential(ReLU(), LayerNorm(3)), Dense(3, 1))
    model[0].bias.decay = False  # type: ignore[attr-defined]
    model[1].training = False
    loaded = again(model, tmp_path)
    assert [name for name, parameter in loaded.named_parameters() if not parameter.decay] == [
        "0.bias",
        "1.1.weight",
        "1.1.bias",
    ]
    assert [path for path, part in loaded.modules("model") if part.training] == ["model", "model.0", "model.2"]
    loaded[1][1].weight.decay = True
    model.training = False
    assert again(loaded, tmp_path)[1][1].weight.decay
    assert not any(part.training for _, part in again(model, tmp_path).modules())


class Counting(Activation):
    """Buffers of all kinds: an array of integers, one of floats that grows no larger, numbers, and an empty one."""

    buffers = ("seen", "largest", "count", "empty")

    def __init__(self, n: int) -> None:
        self.n = n
        self.seen = np.zeros(n, np.int64)
        self.largest = np.float64(0.0)
        self.count = 0
        self.empty = np.zeros((0, n))

    def forward(self, x: Any) -> Any:
        self.seen = self.seen + (x > 0).sum(axis=0)
        self.largest = max(self.largest, x.max())
        self.count += len(x)
        return x


def test_buffers(tmp_path: Path) -> None:
    model = Sequential(Dense(2, 2), Counting(2), rng=0)
    model(np.random.default_rng(0).normal(size=(7, 2)))
    loaded = again(model, tmp_path)
    assert all_of(loaded) == all_of(model)
    assert (loaded[1].count, loaded[1].seen.dtype, loaded[1].empty.shape) == (7, np.int64, (0, 2))
    assert loaded[1].seen.tolist() == model[1].seen.tolist() != [0, 0]  # type: ignore[attr-defined]


def draws(layer: Any) -> list[Any]:
    """The next numbers and the next children of a layer's generator."""
    children = [child.integers(1 << 62) for child in layer.rng.spawn(2)]
    return [layer.rng.integers(1 << 62), layer.rng.random(dtype=np.float32), *children]


def test_dropouts_resume_where_they_were(tmp_path: Path) -> None:
    model = Sequential(Dropout(0.3, rng=1), Residual(Dropout(0.5, rng=2)))
    x = np.ones((4, 5))
    model(x)
    model[0].rng.spawn(3)  # type: ignore[attr-defined]
    model[0].rng.random(dtype=np.float32)  # type: ignore[attr-defined]  # half of 64 bits are left over
    loaded = again(model, tmp_path)
    assert bits(loaded(x), loaded(x)) == bits(model(x), model(x))
    assert draws(loaded[0]) == draws(model[0])
    assert draws(loaded[1][0]) == draws(model[1][0])  # type: ignore[index]


def test_layers_that_shared_a_generator_share_one_again(tmp_path: Path) -> None:
    shared, own = np.random.default_rng(0), np.random.default_rng(0)
    first, second, third = Dropout(rng=shared), Dropout(rng=shared), Dropout(rng=own)
    loaded = again(Sequential(first, Residual(second), third), tmp_path)
    assert loaded[0].rng is loaded[1][0].rng
    assert loaded[2].rng is not loaded[0].rng
    loaded[0].rng.random(10)
    assert bits(loaded[2].rng.random(3)) == bits(own.random(3))


def test_a_generator_at_another_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Sequential(Dropout()), tmp_path / "model.npz")

    def without(self: Any, p: float = 0.5, *, rng: Any = None) -> None:  # noqa: ARG001
        self.p = p

    monkeypatch.setattr(Dropout, "__init__", without)
    with pytest.raises(CheckpointError, match=r"has generators at model\.0\.rng, but here they are at no place"):
        load(tmp_path / "model.npz")


@pytest.mark.parametrize("wrong", [[1.0], Dense, {"weight": 1}, Dense(1, 1).parameters(), "model.npz"])
def test_something_other_than_a_module_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="save takes a layer or another module, and then a path; got "):
        save(wrong, tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_the_file_is_an_archive_of_numpy_with_the_names_of_the_state(tmp_path: Path) -> None:
    model = Sequential(Dense(2, 3), BatchNorm(3), rng=0)
    save(model, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        named = {f"model/state/{name}": array for name, array in model.state().items()}
        assert set(file.files) == {"minidl.json", *named}
        assert bits(*(file[name] for name in named)) == bits(*named.values())
        assert file["model/state/0.weight"].dtype == np.float64


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    def file(seed: int) -> bytes:
        save(Sequential(Dense(2, 3), Dropout(rng=5), Dense(3, 1), rng=seed), tmp_path / "model.npz")
        return (tmp_path / "model.npz").read_bytes()

    assert file(0) == file(0) != file(1)


PATHS: list[Callable[[Path], Any]] = [
    lambda folder: folder / "model.npz",
    lambda folder: str(folder / "model"),
    lambda folder: str(folder / "modèle à moi 模型.npz"),
    lambda folder: folder / "%s {0} 'quoted'.npz",
]


@pytest.mark.parametrize("path", PATHS)
def test_paths_of_all_kinds(path: Callable[[Path], Any], tmp_path: Path) -> None:
    place = path(tmp_path)
    save(Dense(2, 1, rng=0), place)
    assert [str(entry) for entry in tmp_path.iterdir()] == [str(place)]
    assert all_of(load(place)) == all_of(Dense(2, 1, rng=0))


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(ReLU(), "model.npz")
    assert repr(load("model.npz")) == "ReLU()"
    assert repr(load(tmp_path / "model.npz")) == "ReLU()"


def test_a_missing_file_or_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="none"):
        save(ReLU(), tmp_path / "none" / "model.npz")
    with pytest.raises(OSError, match=tmp_path.name):
        load(tmp_path)
    with pytest.raises(FileExistsError, match="exists and is not a file; give the path of a file"):
        save(ReLU(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_message_names_the_file_once(tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"something else")
    with pytest.raises(CheckpointError) as info:
        load(tmp_path / "a file")
    assert str(info.value) == f"{str(tmp_path / 'a file')!r} is not a file of minidl: it is too short"


@pytest.mark.parametrize("number", [1, 3])
def test_a_file_of_another_format_is_refused(number: int, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save(Dense(2, 1), path)
    members = members_of(path.read_bytes())
    text = members[0][1].replace(b'"format": 2', b'"format": %d' % number)
    path.write_bytes(pack([(members[0][0], text), *members[1:]]))
    with pytest.raises(CheckpointError) as info:
        load(path)
    assert str(info.value) == f"{str(path)!r} has format {number}, which this version does not read: it reads 2"


def test_the_entries_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save(Dense(1, 1), path)
    content = read_content(path, ["architecture", "model", "run"])
    assert content.keys() == {"architecture", "model"}
    assert content["architecture"] is not read_content(path, ["architecture"])["architecture"]
    assert content["model"]["state"].keys() == {"weight", "bias"}
