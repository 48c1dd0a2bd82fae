"""Files: models, and everything that a run needs to resume."""

from minidl.saving.models import load, remade, save

__all__ = ["load", "remade", "save"]
