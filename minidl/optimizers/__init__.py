"""Optimizers: elementwise rules on flat arrays, applied in place."""

from minidl.arguments import hyperparameter
from minidl.optimizers.adam import Adam, AdamW, NAdam
from minidl.optimizers.adam_variants import AMSGrad, RAdam
from minidl.optimizers.adaptive import AdaDelta, AdaGrad, Lion, RMSProp
from minidl.optimizers.base import Optimizer
from minidl.optimizers.descent import SGD, Momentum
from minidl.optimizers.groups import Group, Parameters

__all__ = [
    "SGD",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Group",
    "Lion",
    "Momentum",
    "NAdam",
    "Optimizer",
    "Parameters",
    "RAdam",
    "RMSProp",
    "hyperparameter",
]
