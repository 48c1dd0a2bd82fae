"""Layers that older operators, or PyTorch, write as several operators."""

from __future__ import annotations

from math import isclose, sqrt

from minidl.integrations.onnx.reading.source import Step

__all__ = ["PARTS", "recognised"]

PARTS = {"Erf", "Greater", "Sub", "Where"}
"""Operators that are only read as parts of a layer."""


def recognised(steps: list[Step]) -> list[Step]:
    """Steps with one operator in place of several that make up a GELU, a Softplus or a LayerNorm."""
    found: list[Step] = []
    for step in steps:
        step = step._replace(branches=tuple(map(recognised, step.branches)))
        if found and _cdf(found[-1]) == [] and _scales(step, 0.5):
            found[-1] = _single(found[-1], "Gelu")
        elif found and _is_centred(found[-1]) and step.node.operator == "LayerNormalization":
            found[-1] = step  # which subtracts the mean itself
        elif _is_gelu(step):
            found.append(_single(step, "Gelu"))
        elif _is_softplus(step):
            found.append(_single(step, "Softplus"))
        else:
            found.append(step)
    return found


def _is_gelu(step: Step) -> bool:
    """``(½ x) (1 + erf(x / √2))``."""
    other = _cdf(step)
    return other is not None and len(other) == 1 and _scales(other[0], 0.5)


def _cdf(step: Step) -> list[Step] | None:
    """What is multiplied with ``1 + erf(x / √2)``."""
    if step.node.operator == "Mul" and len(step.branches) == 2:
        for branch, other in (step.branches, step.branches[::-1]):
            kinds = [each.node.operator for each in branch]
            if kinds[1:] == ["Erf", "Add"] and _scales(branch[0], 1 / sqrt(2)) and _scalar(branch[2]) == 1:
                return other
    return None


def _is_centred(step: Step) -> bool:
    """``x − mean(x)`` over the last axis."""
    kinds = [[each.node.operator for each in branch] for branch in step.branches]
    if step.node.operator != "Sub" or kinds != [[], ["ReduceMean"]]:
        return False
    mean = step.branches[1][0].node
    given = mean.constants[1] if len(mean.constants) > 1 else None
    axes = mean.attributes.get("axes") if given is None else given.tolist()
    return axes in ([-1], [len(mean.shape or ())]) and mean.attributes.get("keepdims", 1) == 1


def _is_softplus(step: Step) -> bool:
    """``x > 20 ? x : ln(1 + eˣ)``, which differs from ln(1 + eˣ) by less than 3e-9."""
    kinds = [[each.node.operator for each in branch] for branch in step.branches]
    return (
        step.node.operator == "Where"
        and kinds == [["Greater"], [], ["Softplus"]]
        and (_scalar(step.branches[0][0]) or 0) >= 20
    )


def _scales(step: Step, factor: float) -> bool:
    """Whether a step multiplies with a number."""
    value = _scalar(step)
    if value is None or step.node.operator not in ("Mul", "Div") or step.node.constants[0] is not None:
        return False
    return isclose(value if step.node.operator == "Mul" else 1 / (value or 1), factor, rel_tol=1e-6)


def _scalar(step: Step) -> float | None:
    """The constant of an operator with one other input, if it is a single number."""
    values = [each for each in step.node.constants if each is not None]
    return float(values[0].reshape(())) if len(values) == 1 and values[0].size == 1 else None


def _single(step: Step, operator: str) -> Step:
    """A step of one operator of x."""
    return Step(step.node._replace(operator=operator, attributes={}), ([],))
