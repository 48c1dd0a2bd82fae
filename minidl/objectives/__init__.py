"""Objectives: a model's loss on data, and plain functions of a few numbers."""

from minidl.objectives.functions import Beale, CubicValley, Himmelblau, Quadratic, Rosenbrock
from minidl.objectives.plain import FunctionObjective
from minidl.objectives.risk import EmpiricalRisk

__all__ = ["Beale", "CubicValley", "EmpiricalRisk", "FunctionObjective", "Himmelblau", "Quadratic", "Rosenbrock"]
