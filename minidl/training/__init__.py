"""Training models on data, minimizing objectives, and searching for a learning rate."""

from minidl.training.minimize import Descent, minimize
from minidl.training.rates import RateSearch, find_learning_rate
from minidl.training.trainer import Trainer

__all__ = ["Descent", "RateSearch", "Trainer", "find_learning_rate", "minimize"]
