"""Models in files: what they are made of, and everything they have learned."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.arguments import limited_to
from minidl.errors import CheckpointError, MinidlError
from minidl.modules import Module, training_as
from minidl.modules.places import places_of
from minidl.saving.generators import load_states, states_of
from minidl.saving.tree import Decoder, Encoder
from minidl.typing import Array

__all__ = [
    "Content",
    "check_remaking",
    "checksum",
    "encoded",
    "load",
    "load_model_state",
    "model_content",
    "model_state",
    "remade",
    "save",
    "write_content",
    "written",
]


def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write a model to a file: its layers with their arguments, parameters, buffers and generators.

    The file is an .npz archive of NumPy: ``numpy.load(path)["model/state/0.weight"]`` is a weight. It is written
    beside its place and moved there at the end, so that after a crash the old file or the new one is there, whole.

    Args:
        model: a layer, or any other module whose constructor keeps its arguments in attributes of their names.
        path: where; a file of that name is replaced.

    Raises:
        CheckpointError: a module that could not be made again from its constructor's arguments, these being numbers,
            strings, lists, arrays and modules.
        OSError: from the disk; a file that was there before is as it was.
        TypeError: no module.

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
    write_content({**model_content(model), "generators": states_of(places_of(model))}, path)


def load(path: str | os.PathLike[str]) -> Any:
    """The model in a file that `save` or a `Checkpoint` wrote.

    Nothing in the file is run: layers are made by their own constructors from numbers, strings, lists and arrays. A
    layer of your own must be defined or imported before.

    Raises:
        CheckpointError: a damaged or foreign file, or one that needs a layer that nothing has defined.
        OSError: there is no such file, or it cannot be read.

    >>> import tempfile
    >>> from minidl import Dense
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Dense(2, 4), f"{folder}/model.npz")
    ...     load(f"{folder}/model.npz")
    Dense(2, 4)
    """
    content = Content(path)
    with content.fits():
        model, state = content["architecture"], content["model"]
        _retype(model, state["state"])
        load_model_state(model, state)
        saved = content["generators"]
        of_model = {place: index for place, index in saved["places"].items() if place.startswith("model.")}
        load_states(places_of(model), {**saved, "places": of_model})
        return model


def _retype(model: Module, state: Mapping[str, Any]) -> None:
    """Turn parameters and buffers into the types that they have in a state."""
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
    """A dict as JSON takes it, and the arrays in it.

    Raises:
        CheckpointError: something that no file can hold.
    """
    encoder = Encoder()
    return encoder.encode_all(content), encoder.arrays


class Content:
    """What `write_content` wrote, each entry turned back into values when it is asked for.

    Raises:
        CheckpointError: a damaged or foreign file.
        OSError: there is no such file, or it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._text, self._arrays = _container().read(path)
        if not isinstance(self._text, dict):
            raise CheckpointError(f"{self.path!r} is forged: it holds no content")

    def __contains__(self, name: str) -> bool:
        return name in self._text

    def __getitem__(self, name: str) -> Any:
        decoder = Decoder(self._arrays)
        with self.fits(), limited_to(decoder.room):
            return decoder.decode(self._text[name])

    @contextmanager
    def fits(self) -> Iterator[None]:
        """Inside this block every error about the content is a `CheckpointError` that names the file."""
        try:
            yield
        except CheckpointError as error:
            known = str(error).startswith(repr(self.path))
            raise error if known else CheckpointError(f"{self.path!r} {error}") from error
        except RecursionError as error:
            raise CheckpointError(f"{self.path!r} is nested too deeply") from error
        except (MinidlError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"{self.path!r} does not fit: {error}") from error


def model_content(model: Module) -> dict[str, Any]:
    """What a file holds of a model: how it is made, and its state.

    Raises:
        CheckpointError: a module that could not be made again.
    """
    return {"architecture": model, "model": {"written": written(model), **model_state(model)}}


def check_remaking(model: Module) -> None:
    """Raise `CheckpointError` unless the constructor's arguments make a module with the same parameters and buffers.

    Whoever replaces a part of a module, without the argument that it was made of, learns of it before the work is
    done, and not when the file is loaded.
    """
    model.parameters()  # a StateError, if they cannot be one vector
    then, now = _shapes(_made_again(model)), _shapes(model)
    if then != now:
        name = next(name for name in [*now, *then] if now.get(name) != then.get(name))
        raise CheckpointError(
            f"{model!r} could not be made again from its constructor's arguments: it would have {name} "
            f"{then.get(name, 'nowhere')}, and has it {now.get(name, 'nowhere')}; whoever replaces a part keeps the "
            "new one in the attribute of the argument, too"
        )


def remade(model: Module) -> Any:
    """What `load` would make of a model, without a file.

    Raises:
        CheckpointError: a module that could not be made again.
    """
    again = _made_again(model)
    _retype(again, model.state())
    load_model_state(again, model_state(model))
    load_states(places_of(again), states_of(places_of(model)))
    return again


def _made_again(model: Module) -> Any:
    """A model made of the constructor's arguments alone."""
    text, arrays = encoded({"architecture": model})
    decoder = Decoder({name: array.copy() for name, array in arrays.items()})
    decoder.room = sys.maxsize  # here nobody asks for more than there is
    return decoder.decode(text["architecture"])


def _shapes(model: Module) -> dict[str, tuple[int, ...]]:
    return {name: np.shape(value) for name, value in model.state().items()}


def written(model: Module) -> str:
    """A model as code; where in memory something is tells nothing, and is left out."""
    return re.sub(" at 0x[0-9A-Fa-f]+", "", repr(model))


def model_state(model: Module) -> dict[str, Any]:
    """Everything of a model that may change after it was made."""
    with training_as(None):  # each module's own flag, also during a fit
        training = [path for path, module in model.modules() if module.training]
    return {
        "state": model.state(),
        "without_decay": [name for name, parameter in model.named_parameters() if not parameter.decay],
        "training": training,
    }


def load_model_state(model: Module, state: Mapping[str, Any]) -> None:
    """Take over what `model_state` gave; the model is made the same way."""
    model.load_state(state["state"])
    for name, parameter in model.parameters().items():
        parameter.decay = name not in state["without_decay"]
    for path, module in model.modules():
        module.training = path in state["training"]


def checksum(array: Array) -> str:
    """SHA-256 of the numbers of an array, as hexadecimal digits."""
    digest: str = _container().checksum(array)
    return digest


def _container() -> Any:
    # The only import inside a function besides those of optional packages: zipfile, hashlib and json take as long to
    # load as all of minidl, 9 ms, and a run that saves nothing needs none of them.
    from minidl.saving import container

    return container
