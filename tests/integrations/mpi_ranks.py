"""Programs on several ranks, for the tests of parallel training."""

import importlib
import json
import os
import pickle
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


def run(ranks: int, program: str, folder: Path, *arguments: Any, **options: Any) -> list[Any]:
    """Run a function on some ranks, and return what it returned on each."""
    ended = end(start(ranks, program, folder, *arguments, **options), folder)
    assert ended.code == 0, ended.errors
    return [ended.results[rank] for rank in range(ranks)]


def main() -> None:
    """Run the function of the command line on this rank, and write what it returns into a file."""
    from mpi4py import MPI

    module, function = sys.argv[1].split(":")
    folder = Path(sys.argv[2])
    result = getattr(importlib.import_module(module), function)(*json.loads(sys.argv[3]))
    (folder / f"{MPI.COMM_WORLD.rank}.result").write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    main()
