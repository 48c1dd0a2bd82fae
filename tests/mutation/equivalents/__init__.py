"""Breaks that change nothing that anyone could see: (where, the line before and after, why)."""

from tests.mutation.equivalents import learning, surroundings

__all__ = ["EQUIVALENT"]

EQUIVALENT = [*learning.EQUIVALENT, *surroundings.EQUIVALENT]
