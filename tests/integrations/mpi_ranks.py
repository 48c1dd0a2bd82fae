"""Programs on several ranks, for the tests of parallel training."""

import importlib
import json
import os
import pickle
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.integrations.thread_ranks import present, run_on_threads

ROOT = Path(__file__).parents[2]
MPIRUN = Path(sysconfig.get_path("scripts")) / "mpirun"
# Open MPI refuses root and more ranks than cores unless told. Ranks talk through shared memory: no network.
OPTIONS = ("--allow-run-as-root", "--oversubscribe", "--mca", "btl", "self,sm")


@dataclass
class Ended:
    """How a job ended.

    Attributes:
        code: the exit code of mpirun.
        output, errors: what all ranks wrote.
        results: what the function returned on each rank that reached its end.
    """

    code: int
    output: str
    errors: str
    results: dict[int, Any]


def start(
    ranks: int, program: str, folder: Path, *arguments: Any, runner: tuple[str, ...] = ("-m", "mpi4py")
) -> subprocess.Popen[str]:
    """Start a function, given as "module:function", on some ranks, with arguments that JSON can hold."""
    task = [program, str(folder), json.dumps(arguments)]
    command = [str(MPIRUN), *OPTIONS, "-n", str(ranks), sys.executable, *runner, "-m", __name__, *task]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def end(job: subprocess.Popen[str], folder: Path, *, timeout: float = 120) -> Ended:
    """Wait for the end of a job. One that does not end in time is killed, and is a failure."""
    try:
        output, errors = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        job.terminate()  # mpirun then ends the ranks
        try:
            output, errors = job.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            job.kill()
            output, errors = job.communicate()
        raise AssertionError(f"the job has not ended within {timeout} s\n{output}\n{errors}") from None
    results = {int(path.stem): pickle.loads(path.read_bytes()) for path in folder.glob("*.result")}
    return Ended(job.returncode, output, errors, results)


def run(ranks: int, program: str, folder: Path, *arguments: Any, how: str = "processes") -> list[Any]:
    """Run a function on some ranks, processes or threads, and return what it returned on each."""
    if how == "threads":
        return run_on_threads(ranks, found(program), *arguments)
    ended = end(start(ranks, program, folder, *arguments), folder)
    assert ended.code == 0, ended.errors
    return [ended.results[rank] for rank in range(ranks)]


def hows() -> list[str]:
    """How the ranks of a test can be run. ``make integrations`` needs both."""
    required = os.environ.get("BRIDGES") == "required"
    return ["threads", *["processes"] * (required or find_spec("mpi4py") is not None)]


def comm() -> Any:
    """The communicator of this rank."""
    if (threads := present.get()) is not None:
        return threads
    from mpi4py import MPI

    return MPI.COMM_WORLD


def found(program: str) -> Callable[..., Any]:
    module, name = program.split(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def main() -> None:
    """Run the function of the command line on this rank, and write what it returns into a file."""
    result = found(sys.argv[1])(*json.loads(sys.argv[3]))
    (Path(sys.argv[2]) / f"{comm().rank}.result").write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    main()
