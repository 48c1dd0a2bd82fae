"""Models that tests hand to the estimators. Processes that are started to search find them here."""

from minidl import Dense, Dropout, Layer, ReLU, Sequential


def with_dropout(inputs: int, outputs: int) -> Layer:
    return Sequential(Dense(inputs, 16), ReLU(), Dropout(0.2), Dense(16, outputs))
