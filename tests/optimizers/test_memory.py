"""Memory of temporaries is kept for the next ones: page faults in a process that has freed nothing large before."""

import platform
import subprocess
import sys

import pytest

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
def test_a_step_takes_no_memory_from_the_system() -> None:
    run = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 10  # 3,520 where memory is given back and taken anew in each block
