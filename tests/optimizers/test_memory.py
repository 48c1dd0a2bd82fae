"""Temporaries: there are few, and their memory is reused."""

import platform
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from minidl import NAdam, Optimizer, Parameter, RMSProp
from tests.spy import allocated, counted, forget, spied

PAGE_FAULTS = """
import resource
import numpy as np
from minidl import NAdam, Parameter

initial = np.ones(1_000_000)
optimizer = NAdam([Parameter(initial)])


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


optimizer.step()
before = faults()
for _ in range(10):
    optimizer.step()
print((faults() - before) / 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory by rules of their own")
def test_a_step_causes_no_page_faults() -> None:
    """Page faults are counted in a process that has not freed a large block before."""
    run = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 10  # 3,520 if each block returns its memory to the system


@pytest.mark.parametrize(("kind", "arrays"), [(RMSProp, 1), (NAdam, 5)])
def test_an_update_makes_few_temporaries(kind: Callable[[list[Parameter]], Optimizer], arrays: int) -> None:
    optimizer = kind([Parameter(np.ones(100))])
    optimizer.step()
    memory = [np.ones(100) for _ in ("theta", "grad", *optimizer.slots)]
    forget()
    optimizer.update(*(spied(array) for array in memory))
    assert counted
    assert allocated.total() <= arrays * memory[0].nbytes, allocated
