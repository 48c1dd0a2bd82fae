"""minidl: an object-oriented mini deep-learning framework in Python on NumPy."""

from minidl.data import Batches
from minidl.datasets import make_xor
from minidl.errors import (
    CheckpointError,
    ContractError,
    DataError,
    DivergenceError,
    GradientError,
    HyperparameterError,
    MinidlError,
    ShapeError,
    StateError,
)
from minidl.layers import Dense, ReLU, Sequential, Sigmoid
from minidl.losses import BCELoss, BCEWithLogitsLoss, MSELoss
from minidl.modules import Layer, Loss, Module, Objective
from minidl.objectives import (
    Beale,
    CubicValley,
    EmpiricalRisk,
    FunctionObjective,
    Himmelblau,
    Quadratic,
    Rosenbrock,
)
from minidl.optimizers import SGD, Momentum, Optimizer
from minidl.parameters import Parameter, ParameterVector
from minidl.training import Callback, Descent, History, ProgressBar, RecordPath, Run, Trainer, minimize

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Batches",
    "Beale",
    "Callback",
    "CheckpointError",
    "ContractError",
    "CubicValley",
    "DataError",
    "Dense",
    "Descent",
    "DivergenceError",
    "EmpiricalRisk",
    "FunctionObjective",
    "GradientError",
    "Himmelblau",
    "History",
    "HyperparameterError",
    "Layer",
    "Loss",
    "MSELoss",
    "MinidlError",
    "Module",
    "Momentum",
    "Objective",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "ProgressBar",
    "Quadratic",
    "ReLU",
    "RecordPath",
    "Rosenbrock",
    "Run",
    "Sequential",
    "ShapeError",
    "Sigmoid",
    "StateError",
    "Trainer",
    "make_xor",
    "minimize",
]
