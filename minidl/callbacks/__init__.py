"""Callbacks that accompany a run: they record, show, save, schedule and stop."""

from minidl.callbacks.checkpoint import Checkpoint
from minidl.callbacks.csv_log import CSVLog
from minidl.callbacks.early_stopping import EarlyStopping
from minidl.callbacks.history import History, RecordPath
from minidl.callbacks.parameter_average import ParameterAverage
from minidl.callbacks.progress import ProgressBar
from minidl.callbacks.reduce_on_plateau import ReduceOnPlateau
from minidl.callbacks.schedule import Schedule
from minidl.callbacks.timer import Timer

__all__ = [
    "CSVLog",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "ParameterAverage",
    "ProgressBar",
    "RecordPath",
    "ReduceOnPlateau",
    "Schedule",
    "Timer",
]
