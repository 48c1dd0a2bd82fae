"""Reasons that are given in several places."""

OPEN_SIZE = "NumPy takes every negative size for the one that is left open"
AS_LONG = "both have the same length"
