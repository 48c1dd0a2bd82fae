"""The command line: ``python -m minidl info FILE`` and ``python -m minidl export MODEL FILE.onnx``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from minidl import integrations
from minidl.contents import contents
from minidl.errors import CheckpointError, MinidlError, ShapeError, describe
from minidl.layers import Dense
from minidl.modules import Layer
from minidl.parameters import Parameter
from minidl.saving import load
from minidl.typing import Shape

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code: 0, or 1 after an error, which is on standard error.

    Args:
        arguments: the words of the command. None takes those of the process.

    Raises:
        SystemExit: words that are not a command, with code 2, or a request for help.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _fails(f"{error.filename!r}: {error.strerror}" if error.filename else str(error))
    except (MinidlError, ImportError) as error:
        return _fails("\n  ".join([str(error), *getattr(error, "__notes__", ())]))
    return 0


def _fails(message: str) -> int:
    print(f"minidl: {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m minidl", description="Look into the files of models and runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser(
        "info",
        help="show what is in a file",
        description="Show the layers, the arrays and the state of the run in a file. Nothing in it is run.",
    )
    info.add_argument("file", metavar="FILE", help="what save, a Checkpoint or save_safetensors wrote")
    info.set_defaults(run=_info)

    export = commands.add_parser(
        "export",
        help="write a model as an ONNX file",
        description="Write the model in a file of minidl as an ONNX file. This needs the package onnx.",
    )
    export.add_argument("model", metavar="MODEL", help="what save or a Checkpoint wrote")
    export.add_argument("target", metavar="FILE.onnx", type=_onnx_file, help="where to write; it is replaced")
    export.add_argument(
        "--input-shape",
        metavar="SHAPE",
        type=_shape,
        action="append",
        help="the shape of one sample, such as 28,28,1, or time,8 for sequences of any length; once for each of "
        "several inputs; needed unless a Dense layer determines it",
    )
    export.add_argument(
        "--import",
        metavar="MODULE",
        dest="modules",
        action="append",
        default=[],
        help="a Python module to import first: one that defines layers of your own",
    )
    export.set_defaults(run=_export)
    return parser


def _info(options: argparse.Namespace) -> None:
    print(contents(options.file))


def _export(options: argparse.Namespace) -> None:
    for module in options.modules:
        importlib.import_module(module)
    model = load(options.model)
    if not isinstance(model, Layer):
        raise CheckpointError(f"{options.model!r} holds {describe(model)}, which is not a layer and has no ONNX form")
    shapes = options.input_shape or [_determined_shape(model)]
    shape = shapes[0] if len(shapes) == 1 else tuple(shapes)
    integrations.save_onnx(model, options.target, shape)


def _determined_shape(model: Layer) -> Shape:
    """The shape of one sample, as the first layer with parameters determines it.

    Raises:
        ShapeError: it does not.
    """
    learns = (each for _, each in model.modules() if any(isinstance(child, Parameter) for _, child in each.children()))
    first = next(learns, None)
    if isinstance(first, Dense) and not model.takes_tuple:
        with suppress(ShapeError):  # it may need more axes
            model.output_shape((first.inputs,))
            return (first.inputs,)
    raise ShapeError("the layers do not determine the shape of a sample; pass it, such as --input-shape 28,28,1")


def _shape(text: str) -> Shape:
    """A shape as people write it.

    >>> _shape("28,28,1"), _shape("time,8")
    ((28, 28, 1), ('time', 8))
    """
    sizes = [part.strip() for part in text.split(",")]
    if not all(size.isidentifier() or (size.isdecimal() and int(size)) for size in sizes):
        raise argparse.ArgumentTypeError(
            f"a shape is positive integers, such as 28,28,1, or names of sizes that may be any, got {text!r}"
        )
    return tuple(int(size) if size.isdecimal() else size for size in sizes)


def _onnx_file(text: str) -> str:
    if not text.endswith(".onnx"):
        raise argparse.ArgumentTypeError(f"the name must end in .onnx, got {text!r}")
    return text


if __name__ == "__main__":
    sys.exit(main())
