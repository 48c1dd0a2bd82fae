"""Settings that teach something, each with its result."""

from __future__ import annotations

from typing import Any

__all__ = ["PRESETS"]

PRESETS: list[dict[str, Any]] = []
