"""Losses: how far predictions are from targets, averaged over the batch."""

from minidl.losses.classification import BCELoss, BCEWithLogitsLoss, HingeLoss
from minidl.losses.cross_entropy import CrossEntropyLoss
from minidl.losses.focal import FocalLoss
from minidl.losses.regression import HuberLoss, MAELoss, MSELoss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "HingeLoss",
    "HuberLoss",
    "MAELoss",
    "MSELoss",
]
