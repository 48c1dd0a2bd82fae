"""Training: one loop for networks and functions, with callbacks."""

from minidl.training.callbacks import Callback, History, RecordPath
from minidl.training.early_stopping import EarlyStopping
from minidl.training.minimize import Descent, minimize
from minidl.training.progress import ProgressBar
from minidl.training.run import Run
from minidl.training.schedule import Schedule
from minidl.training.trainer import Trainer

__all__ = [
    "Callback",
    "Descent",
    "EarlyStopping",
    "History",
    "ProgressBar",
    "RecordPath",
    "Run",
    "Schedule",
    "Trainer",
    "minimize",
]
