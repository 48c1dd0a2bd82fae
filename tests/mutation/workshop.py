"""Temporary copies of the package and its tests, and test runs in them."""

import multiprocessing
import os
import resource
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import hypothesis  # noqa: F401  (imported once here, not in every test run)
import numpy as np  # noqa: F401
import pytest

from tests.mutation.breaks import Break

ROOT = Path(__file__).parent.parent.parent
NETWORKS = "test_golden.py test_mutants.py test_random_networks.py"
CONTAINERS = "layers/test_[bcdemrs]*.py modules/test_layer.py modules/test_summary.py test_mutants.py"
IMAGES = "layers/test_conv*.py layers/test_pool*.py layers/test_windows.py test_golden.py layers/test_before_forward.py"
BRANCHES = (
    "layers/test_[bms]*.py layers/test_embedding.py training/test_several_inputs.py test_golden_branches.py "
    "checking/test_tables_pass.py"
)
RECURRENT = "layers/test_recurrent.py layers/test_step*.py test_golden_recurrent.py layers/test_before_forward.py"
ATTENTION = "test_golden_attention.py layers/test_positions.py layers/test_attention*.py layers/test_before_forward.py"
TESTS = {
    "minidl/layers/attention": ATTENTION,
    "minidl/layers/heads": ATTENTION,
    "minidl/layers/positions": ATTENTION,
    "minidl/layers/sequences": ATTENTION,
    "minidl/layers/transformer": ATTENTION,
    "minidl/batch": f"{BRANCHES} test_data.py",
    "minidl/splitting": "training/test_trainer_measures.py",
    "minidl/layers/branches": BRANCHES,
    "minidl/layers/embedding": BRANCHES,
    "minidl/layers/masks": BRANCHES,
    "minidl/layers/sharing": BRANCHES,
    "minidl/layers/bidirectional": RECURRENT,
    "minidl/layers/recurrence": RECURRENT,
    "minidl/layers/recurrent": RECURRENT,
    "minidl/layers/stepping": RECURRENT,
    "minidl/modules/stepping": RECURRENT,
    "minidl/layers/containers": CONTAINERS,
    "minidl/layers/dense": CONTAINERS,
    "minidl/layers/residual": CONTAINERS,
    "minidl/layers/sequential": CONTAINERS,
    "minidl/layers/convolution": IMAGES,
    "minidl/layers/kernels": IMAGES,
    "minidl/layers/pooling": IMAGES,
    "minidl/layers/windows": IMAGES,
    "minidl/layers/preprocessing": "layers/test_preprocessing*.py layers/test_one_hot.py test_golden_preprocessing.py",
    "minidl/layers/statistics": "callbacks/test_weight_averaging.py",
    "minidl/layers": f"layers {NETWORKS}",
    "minidl/losses": f"losses modules/test_loss.py {NETWORKS}",
    "minidl/optimizers": f"optimizers test_arguments.py {NETWORKS}",
    "minidl/objectives": "objectives test_mutants.py",
    "minidl/initializers": "test_initializers.py",
    "minidl/schedules": "test_schedules.py test_arguments.py",
    "minidl/advice": "errors/test_advice.py errors/test_inputs_in_lists.py errors/test_sequences.py",
    "minidl/arguments": "test_arguments.py",
    "minidl/dtypes": "test_dtypes.py",
    "minidl/differences": "test_differences.py",
    "minidl/errors": "test_errors.py",
    "minidl/augment": "test_augment.py",
    "minidl/metrics": "metrics test_arguments.py",
    "minidl/datasets": "datasets",
    "minidl/modules/layer": f"modules/test_layer.py modules/test_summary.py {BRANCHES} modules/test_threads.py",
    "minidl/text": "test_text.py",
    "minidl/generation": "test_generation.py",
    "minidl/modules/loss": "modules losses",
    "minidl/modules/places": "modules saving/test_generators*.py",
    "minidl/modules": "modules",
    "minidl/interruption": "run/test_interruption*.py",
    "minidl/files": "test_files.py",
    "minidl/saving": "saving/test_[!ch]*.py saving/test_container.py",
    "minidl/constants": "test_constants.py",
    "minidl/sums": "test_sums.py",
    "minidl/parameters": "parameters optimizers objectives",
    "minidl/integrations": "integrations",
    "minidl/data": (
        "test_data*.py test_finite_data.py test_au*.py layers/test_masks.py layers/test_embedding.py losses/test_i*.py "
        "training/test_t*r*.py callbacks/test_checkpoint_re*.py"
    ),
    "minidl/batches": "test_data*.py test_augment.py training/test_batches*.py training/test_accumulation.py",
    "minidl/sources": "training/test_batches.py",
    "minidl/events": "run callbacks/test_reuse.py",
    "minidl/run": "run callbacks/test_c*ed.py training/test_r*.py",
    "minidl/callbacks/checkpoint": "callbacks/test_checkpoint*.py run/test_interruption*.py training/test_res*.py",
    "minidl/callbacks/csv_log": "callbacks/test_csv_log*.py",
    "minidl/callbacks/early_stopping": "callbacks/test_early_stopping*.py",
    "minidl/callbacks/monitor": "callbacks/test_early_stopping*.py callbacks/test_reduce_on_plateau.py",
    "minidl/callbacks/reduce_on_plateau": (
        "callbacks/test_reduce_on_plateau.py checking/test_callbacks.py test_golden.py test_arguments.py"
    ),
    "minidl/callbacks/history": "callbacks/test_history.py training/test_minimize.py callbacks/test_c*resumed.py",
    "minidl/callbacks/parameter_average": "callbacks/test_parameter_average.py callbacks/test_weight_averaging.py",
    "minidl/callbacks/progress": "callbacks/test_progress.py",
    "minidl/callbacks/schedule": "callbacks/test_schedule.py training/test_script.py",
    "minidl/callbacks/timer": "callbacks/test_timer.py",
    "minidl/training/resumption": "callbacks/test_checkpoint*.py training/test_res*.py training/test_script.py",
    "minidl/training/settings": "errors/test_w*.py training/test_trainer*.py",
    "minidl/training/trainer": "training/test_[adrs]*.py training/test_trainer*.py callbacks/test_c*_r*.py modules",
    "minidl/training/non_finite": "training/test_divergence.py training/test_trainer_measures.py",
    "minidl/training/evaluation": "training/test_[abs]*.py losses/test_i*.py",
    "minidl/training/preparation": "training/test_batches.py training/test_sample_weights.py training/test_trainer*.py",
    "minidl/training/measuring": (
        "training/test_measuring.py training/test_trainer_measures.py training/test_script.py errors/test_words.py"
    ),
    "minidl/training/stream": "training/test_batches.py",
    "minidl/training/weights": "training/test_sample_weights.py",
    "minidl/training/fate": "training/test_fate.py training/test_cycles.py training/test_minimize*.py",
    "minidl/__main__": "test_main.py",
    "minidl/contents": "test_contents.py test_main.py",
    "minidl/notebook": "test_notebook.py",
    "minidl/training/rates": "training/test_rates.py",
    "minidl/training/scipy_run": "training/test_scipy.py",
    "minidl/training/minimize": "training/test_minimize*.py training/test_fate.py",
    "minidl/levels": "test_levels.py plotting/test_contours.py",
    "minidl/playground/__main__": "playground/test_main.py",
    "minidl/playground/browser": "playground/test_browser.py",
    "minidl/playground/child": "playground/test_processes.py playground/test_server.py",
    "minidl/playground/curves": "playground/test_curves.py",
    "minidl/playground/expressions": "playground/test_expressions.py",
    "minidl/playground/fates": "playground/test_fates.py",
    "minidl/playground/presets": "playground/test_presets.py",
    "minidl/playground/processes": "playground/test_processes.py playground/test_server.py",
    "minidl/playground/programs": "playground/test_programs.py",
    "minidl/playground/server": "playground/test_server.py",
    "minidl/playground/settings": "playground/test_settings.py",
    "minidl/playground/tables": "playground/test_tables.py",
    "minidl/playground/turns": "playground/test_turns.py",
    "minidl/playground": "playground/test_[cdefnt]*.py playground/test_se[st]*.py playground/test_pr*.py",
    "minidl/plotting/paths": "plotting/test_paths.py",
    "minidl/plotting/schedule": "plotting/test_schedule.py",
}
"""What is broken, and the tests that should notice, after the doctests of the broken file. The first match counts."""

SPARED = ("minidl/checking", "minidl/plotting", "minidl/typing")
"""What is not broken unless `TESTS` names it: checks test others, pictures are a matter of taste, types do nothing."""

CPU_SECONDS = 60
MEMORY = 4 << 30
PROFILE = """
settings.register_profile("mutation", derandomize=True, max_examples=20, deadline=None, phases=["explicit", "generate"])
settings.load_profile("mutation")
"""


def find_tests(path: str) -> list[Path]:
    """The tests that should notice a break of a file."""
    patterns = next((tests for start, tests in TESTS.items() if belongs(path, start)), "").split()
    return [found for pattern in patterns for found in sorted(ROOT.glob(f"tests/{pattern}"))]


def belongs(path: str, start: str) -> bool:
    """Whether a path is the file ``start.py`` or in the folder of that name."""
    return path == f"{start}.py" or path.startswith(f"{start}/")


class Workshop:
    """Runs the tests of broken files, `jobs` at a time, each in a copy of package and tests.

    What Python has imported before stays so in the forked processes; minidl must not be among it.
    """

    def __init__(self, folder: Path, jobs: int) -> None:
        assert "minidl" not in sys.modules
        self.free = [folder / str(index) for index in range(jobs)]
        self.busy: dict[int, tuple[BaseProcess, Path, Break, str]] = {}
        for copy in self.free:
            for name in ("minidl", "tests"):
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(ROOT / "pyproject.toml", copy)
            with (copy / "tests/conftest.py").open("a", encoding="utf-8") as conftest:
                conftest.write(PROFILE)

    def run(self, todo: list[Break]) -> Iterator[tuple[Break, bool]]:
        """Pairs of a break and whether the tests noticed it, as they come in."""
        waiting = todo[::-1]
        while waiting or self.busy:
            while waiting and self.free:
                self._start(waiting.pop(), self.free.pop())
            done = wait(list(self.busy))
            for sentinel in [each for each in self.busy if each in done]:
                process, copy, broken, whole = self.busy.pop(sentinel)
                process.join()
                (copy / broken.path).write_text(whole, encoding="utf-8")
                self.free.append(copy)
                yield broken, process.exitcode != 0

    def _start(self, broken: Break, copy: Path) -> None:
        whole = (copy / broken.path).read_text(encoding="utf-8")
        (copy / broken.path).write_text(broken.source, encoding="utf-8")
        process = multiprocessing.get_context("fork").Process(target=_test, args=(copy, broken.path))
        process.start()
        self.busy[process.sentinel] = process, copy, broken, whole


def _test(copy: Path, path: str) -> None:
    """In a process of its own: run the tests for a file, and exit with what pytest says."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(copy)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.path[:] = [str(copy), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    # Most breaks keep a file's length, and of the same length and second Python would run the break before.
    sys.dont_write_bytecode = True
    package = import_module("minidl")  # first, else the doctests of a file would make its classes a second time
    assert str(package.__file__).startswith(str(copy))
    tests = [path, *(str(found.relative_to(ROOT)) for found in find_tests(path))]
    quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # hypothesis is imported already
    os._exit(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *quiet, *tests]))
