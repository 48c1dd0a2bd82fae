"""Settings that teach something, each with a question and its result."""

from __future__ import annotations

from typing import Any

from minidl.playground.presets.descents import DESCENTS
from minidl.playground.presets.networks import NETWORKS
from minidl.playground.presets.preset import Preset

__all__ = ["PRESETS", "Preset"]

PRESETS: list[dict[str, Any]] = [preset._asdict() for preset in (*NETWORKS, *DESCENTS)]
"""All presets, as the page takes them."""
