"""Makes Sphinx-Gallery show recorded runs of the demos. It would run their code in its own process."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import demo_runs
from sphinx_gallery import gen_rst

QUICK = ["characters"]  # run with --quick, as they take minutes otherwise


def command(source: str | Path) -> str:
    """The name of a demo with its options.

    >>> command("docs/_build/demos/characters.py")
    'characters --quick'
    """
    demo = Path(source).stem
    return f"{demo} --quick" if demo in QUICK else demo


def run_of(source: str | Path) -> demo_runs.DemoRun:
    """The run of a demo. The first call starts the runs of all demos that have changed, several at a time."""
    return _runs()[command(source)].result()


@cache
def _runs() -> dict[str, Future[demo_runs.DemoRun]]:
    names = sorted(map(command, demo_runs.demos()), reverse=True)
    # What is still long with --quick comes first, so that it does not run alone in the end.
    return demo_runs.start(sorted(names, key=lambda name: " " not in name))


def install() -> None:
    """Replace two functions of Sphinx-Gallery, which has no setting for this."""
    inner, outer = gen_rst._exec_and_get_memory, gen_rst.execute_script
    assert {"script_vars"} <= signature(inner).parameters.keys() & signature(outer).parameters.keys()

    def execute(*_: Any, script_vars: dict[str, Any], **__: Any) -> tuple[bool, float]:
        run = run_of(script_vars["src_file"])
        if run.status or run.errors:
            raise RuntimeError(f"the demo ended with status {run.status}\n{run.errors}")
        print(run.text, end="")
        return False, 0.0

    def timed(blocks: Any, script_vars: dict[str, Any], *settings: Any) -> tuple[list[str], float]:
        output, _ = outer(blocks, script_vars, *settings)
        return output, run_of(script_vars["src_file"]).seconds if script_vars["execute_script"] else 0.0

    gen_rst._exec_and_get_memory, gen_rst.execute_script = execute, timed
