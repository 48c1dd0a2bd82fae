"""What users call to train a model or to minimize a function."""

from minidl.training.minimize import Descent, minimize
from minidl.training.trainer import Trainer

__all__ = ["Descent", "Trainer", "minimize"]
