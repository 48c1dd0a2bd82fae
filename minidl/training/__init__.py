"""Training: one loop for networks and functions, with callbacks."""

from minidl.training.callbacks import Callback, History, RecordPath
from minidl.training.checkpoint import Checkpoint
from minidl.training.csv_log import CSVLog
from minidl.training.early_stopping import EarlyStopping
from minidl.training.minimize import Descent, minimize
from minidl.training.parameter_average import ParameterAverage
from minidl.training.progress import ProgressBar
from minidl.training.run import Run
from minidl.training.schedule import Schedule
from minidl.training.timer import Timer
from minidl.training.trainer import Trainer

__all__ = [
    "CSVLog",
    "Callback",
    "Checkpoint",
    "Descent",
    "EarlyStopping",
    "History",
    "ParameterAverage",
    "ProgressBar",
    "RecordPath",
    "Run",
    "Schedule",
    "Timer",
    "Trainer",
    "minimize",
]
