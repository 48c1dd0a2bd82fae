"""The packages that the bridges lead to, each of which may be missing."""

import importlib
import os
from typing import Any

import pytest


def real(name: str) -> Any:
    """Return the package, or skip the test module without it.

    ``make integrations`` sets BRIDGES=required, where each package is installed. There, a missing one is an error.
    """
    if os.environ.get("BRIDGES") == "required":
        return importlib.import_module(name)
    return pytest.importorskip(name)
