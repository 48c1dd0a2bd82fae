"""Models in files: how they are made, and everything they have learned."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minidl.batch import arrays_in
from minidl.errors import CheckpointError
from minidl.files import content_of, nesting_checked, warn_of_values
from minidl.modules import Module
from minidl.modules.places import places_of
from minidl.parameters import Parameter
from minidl.parameters.parameter import limited_to
from minidl.saving.generators import load_states, states_of
from minidl.saving.tree import Decoder, Encoder, title_of
from minidl.typing import Array, Batch

__all__ = [
    "as_code",
    "check_remaking",
    "checksum",
    "encoded",
    "load",
    "load_state_of",
    "model_content",
    "read_content",
    "remade",
    "save",
    "state_of",
    "write_content",
]


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write a model to a file: its layers with their arguments, parameters, buffers and generators.

    The file is an .npz archive of NumPy: ``numpy.load(path)["model/state/0.weight"]`` is a weight. It is written
    beside its path and moved there at the end. Even after a crash there is the whole old file or the whole new one.
    Several processes and threads may write to one path. The file keeps the permissions of the old one. Numbers that are
    not finite and negative variances are saved, with a `MinidlWarning` that names them.

    Args:
        model: a layer, or any other module whose constructor keeps its arguments in attributes of the same names.
        path: where. An existing file of that name is replaced. A leading "~" is the home folder.

    Raises:
        CheckpointError: a module that could not be made again from its constructor's arguments. These may be numbers,
            strings, lists, arrays and modules. Likewise more than 100 layers inside each other.
        OSError: the disk refuses the file, or it must not be written to. One that was there before is unchanged.
        TypeError: something other than a module.

    >>> import tempfile
    >>> from minidl import Dense, ReLU, Sequential
    >>> model = Sequential(Dense(2, 4), ReLU(), Dense(4, 1), rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.npz")
    ...     loaded = load(f"{folder}/model.npz")
    >>> loaded
    Sequential(Dense(2, 4), ReLU(), Dense(4, 1))
    >>> bool((loaded.predict([[1.0, 2.0]]) == model.predict([[1.0, 2.0]])).all())
    True
    """
    if not isinstance(model, Module):
        raise TypeError(f"save takes a layer or another module, and then a path; got {model!r} as the module")
    check_remaking(model)
    with nesting_checked():
        content = {**model_content(model), "generators": states_of(places_of(model))}
    warn_of_values(content["model"]["state"], path)
    write_content(content, path)


def load(path: str | os.PathLike[str]) -> Any:
    """Return the model in a file that `save` or a `Checkpoint` wrote.

    Nothing in the file is run: the layers' own constructors make them from numbers, strings, lists and arrays. A layer
    of your own must be defined or imported before. Loading takes at most 13 times the size of the file, and 10 MB,
    besides what the constructors of your own layers take. Numbers that are not finite and negative variances are
    loaded, with a `MinidlWarning` that names them.

    Raises:
        CheckpointError: a damaged or foreign file, or one that needs a layer that nothing has defined.
        OSError: the file does not exist or cannot be read.

    >>> import tempfile
    >>> from minidl import Dense
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Dense(2, 4), f"{folder}/model.npz")
    ...     load(f"{folder}/model.npz")
    Dense(2, 4)
    """
    content = read_content(path, ("architecture", "model", "training", "generators"))
    with content_of(path):
        _load(content["architecture"], content)
        warn_of_values(content["model"]["state"], path)
    return content["architecture"]


def model_content(model: Module) -> dict[str, Any]:
    """What a file holds of a model besides its generators."""
    training = [path for path, module in model.modules() if module._training]  # its own flag, even during a fit
    return {"architecture": model, "model": state_of(model), "training": training}


def _load(model: Module, content: Mapping[str, Any]) -> None:
    """Load everything but the architecture into a model that was made the same way."""
    _retype(model, content["model"]["state"])
    load_state_of(model, content["model"])
    for path, module in model.modules():
        module.training = path in content["training"]
    saved = content["generators"]
    of_model = {place: index for place, index in saved["places"].items() if place.startswith("model.")}
    load_states(places_of(model), {**saved, "places": of_model})


def _retype(model: Module, state: Mapping[str, Any]) -> None:
    """Give parameters and buffers the dtypes that they have in a state."""
    for name, parameter in model.named_parameters():
        if state[name].dtype not in (np.float32, np.float64):
            raise CheckpointError(f"is forged: {name} is of {state[name].dtype}")
        parameter.astype(state[name].dtype)
    for path, module in model.modules():
        for name in module.buffers:
            if isinstance(value := getattr(module, name), np.ndarray):
                setattr(module, name, value.astype(state[f"{path}.{name}" if path else name].dtype))


def write_content(content: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a dict of what an `Encoder` takes."""
    _container().write(path, *encoded(content))


def encoded(content: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a dict as JSON takes it, and the arrays in it.

    Raises:
        CheckpointError: something that no file can hold.
    """
    encoder = Encoder()
    with nesting_checked():
        return {name: encoder.encode(value, name) for name, value in content.items()}, encoder.arrays


def read_content(path: str | os.PathLike[str], names: Iterable[str]) -> dict[str, Any]:
    """Return those of the entries with these names that a file of `write_content` has.

    Raises:
        CheckpointError: a damaged or foreign file.
        OSError: the file does not exist or cannot be read.
    """
    text, arrays = _container().read(path)
    decoder = Decoder(arrays)
    with content_of(path), limited_to(decoder.room):
        return {name: decoder.decode(text[name]) for name in names if name in text}


def check_remaking(model: Module) -> None:
    """Check that the constructor's arguments make a module with the same parameters and buffers.

    Somebody may have replaced a part of a module but not the argument that it was made of. They learn of it before the
    work is done, and not when the file is loaded.

    Raises:
        CheckpointError: they do not, or the model is nested too deeply.
        StateError: parameters that cannot be one vector.
    """
    with nesting_checked():
        model.parameters()
        states = _made_again(model).state(), model.state()
    then, now = ({name: np.shape(value) for name, value in state.items()} for state in states)
    if then != now:
        name = next(name for name in [*now, *then] if now.get(name) != then.get(name))
        raise CheckpointError(
            f"{model!r} could not be made again from its constructor's arguments: {name} would be "
            f"{then.get(name, 'missing')}, but is {now.get(name, 'missing')}; if you replace a part, also set the "
            "attribute of the argument that it was made of"
        )


def remade(model: Module) -> Any:
    """What `load` would make of a model, without a file.

    Raises:
        CheckpointError: a module that could not be made again.
    """
    again = _made_again(model)
    _load(again, {**model_content(model), "generators": states_of(places_of(model))})
    return again


def _made_again(model: Module) -> Any:
    """A model made of the constructor's arguments alone."""
    text, arrays = encoded({"architecture": model})
    decoder = Decoder({name: array.copy() for name, array in arrays.items()})
    decoder.room = sys.maxsize  # the sizes come from a model that exists, and so do the types
    decoder.types = {title_of(type(module)): type(module) for _, module in model.modules()}
    return decoder.decode(text["architecture"])


def as_code(model: Module) -> str:
    """A model as code, without the addresses in memory that some arguments show."""
    with nesting_checked():
        return re.sub(" at 0x[0-9A-Fa-f]+", "", repr(model))


def state_of(part: Any) -> dict[str, Any]:
    """The state of something with `state` and `load_state`. That of a module includes the flags of its parameters."""
    if not isinstance(part, Module):
        return dict(part.state())
    without_decay = [name for name, parameter in part.named_parameters() if not parameter.decay]
    frozen = [name for name, each in _parts(part) if not each.trainable]
    return {"state": part.state(), "without_decay": without_decay, "frozen": frozen}


def _parts(module: Module) -> list[tuple[str, Module | Parameter]]:
    return [*module.modules(), *module.named_parameters()]


def load_state_of(part: Any, state: Mapping[str, Any]) -> None:
    """Load what `state_of` returned."""
    if not isinstance(part, Module):
        part.load_state(state)
        return
    without_decay, frozen = state["without_decay"], state.get("frozen", ())  # older files have no frozen parts
    part.load_state(state["state"])
    for name, parameter in part.parameters().items():
        parameter.decay = name not in without_decay
    for name, each in _parts(part):  # a module sets those below, which come after it
        each.trainable = name not in frozen


def checksum(*batches: Batch) -> str:
    """SHA-256 of the numbers of each array, as hexadecimal digits."""
    return " ".join(_container().checksum(array) for array in arrays_in(batches) if array is not None)


def _container() -> Any:
    # The only import inside a function besides those of optional packages: zipfile, hashlib and json take as long to
    # load as all of minidl, 9 ms, and a run that saves nothing needs none of them.
    from minidl.saving import container

    return container
