"""The table of optimizers."""

from collections.abc import Callable
from math import copysign, prod, sqrt
from typing import NamedTuple

from minidl import SGD, AdaDelta, AdaGrad, Adam, AdamW, AMSGrad, Lion, Momentum, NAdam, Optimizer, RAdam, RMSProp
from minidl.optimizers import Parameters
from tests.user_defined import Adagrad, FadingSGD

Rule = Callable[[float, list[float]], float]


class OptimizerCase(NamedTuple):
    """An optimizer, and where its rule takes one number θ through gradients, written plainly."""

    name: str
    make: Callable[[Parameters], Optimizer]
    plain: Rule


def plain_sgd(theta: float, grads: list[float]) -> float:
    for g in grads:
        theta = theta - 0.1 * g
    return theta


def plain_decay(theta: float, grads: list[float]) -> float:
    for g in grads:
        theta = theta - 0.1 * (g + 0.3 * theta)
    return theta


def plain_clipped(theta: float, grads: list[float]) -> float:
    return plain_sgd(theta, [max(-0.5, min(g, 0.5)) for g in grads])


def plain_momentum(theta: float, grads: list[float]) -> float:
    v = 0.0
    for g in grads:
        v = 0.8 * v + g
        theta = theta - 0.1 * v
    return theta


def plain_nesterov(theta: float, grads: list[float]) -> float:
    v = 0.0
    for g in grads:
        v = 0.8 * v + g
        theta = theta - 0.1 * (g + 0.8 * v)
    return theta


def plain_adagrad(theta: float, grads: list[float], eps: float = 1e-10) -> float:
    s = 0.0
    for g in grads:
        s = s + g**2
        theta = theta - 0.1 * g / (sqrt(s) + eps)
    return theta


def plain_rmsprop(theta: float, grads: list[float]) -> float:
    s = 0.0
    for g in grads:
        s = 0.9 * s + 0.1 * g**2
        theta = theta - 0.05 * g / (sqrt(s) + 1e-8)
    return theta


def plain_adam(beside: float, inside: float) -> Rule:
    """The rule with weight decay beside the gradient, or inside it."""

    def rule(theta: float, grads: list[float]) -> float:
        m = s = 0.0
        for step, g in enumerate(grads, start=1):
            theta = theta - 0.1 * beside * theta
            g = g + inside * theta
            m = 0.8 * m + 0.2 * g
            s = 0.95 * s + 0.05 * g**2
            theta = theta - 0.1 * m / (1 - 0.8**step) / (sqrt(s / (1 - 0.95**step)) + 1e-8)
        return theta

    return rule


def plain_nadam(theta: float, grads: list[float]) -> float:
    momenta = [0.9 * (1 - 0.96 ** (step * 0.004) / 2) for step in range(1, len(grads) + 2)]
    m = s = 0.0
    for step, g in enumerate(grads, start=1):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * g**2
        ahead = momenta[step] * m / (1 - prod(momenta[: step + 1]))
        here = (1 - momenta[step - 1]) * g / (1 - prod(momenta[:step]))
        theta = theta - 0.05 * (ahead + here) / (sqrt(s / (1 - 0.999**step)) + 1e-8)
    return theta


def plain_amsgrad(theta: float, grads: list[float]) -> float:
    m = s = largest = 0.0
    for step, g in enumerate(grads, start=1):
        m = 0.8 * m + 0.2 * g
        s = 0.6 * s + 0.4 * g**2
        largest = max(largest, s)
        theta = theta - 0.1 * m / (1 - 0.8**step) / (sqrt(largest / (1 - 0.6**step)) + 1e-8)
    return theta


def plain_radam(theta: float, grads: list[float]) -> float:
    m = s = 0.0
    for t, g in enumerate(grads, start=1):
        m = 0.8 * m + 0.2 * g
        s = 0.95 * s + 0.05 * g**2
        length = 39 - 2 * t * 0.95**t / (1 - 0.95**t)
        r = sqrt((length - 4) * (length - 2) * 39 / (35 * 37 * length)) if length > 5 else 0.0
        adapted = r * sqrt(1 - 0.95**t) / (sqrt(s) + 1e-8) if r else 1.0
        theta = theta - 0.1 * m / (1 - 0.8**t) * adapted
    return theta


def plain_adadelta(theta: float, grads: list[float]) -> float:
    s = c = 0.0
    for g in grads:
        s = 0.8 * s + 0.2 * g**2
        change = sqrt(c + 0.01) / sqrt(s + 0.01) * g
        c = 0.8 * c + 0.2 * change**2
        theta = theta - 0.5 * change
    return theta


def plain_l1(theta: float, grads: list[float]) -> float:
    for g in grads:
        slope = copysign(0.3, theta) if theta else 0.0
        theta = theta - 0.1 * (g + slope + 0.2 * theta)
    return theta


def plain_lion(theta: float, grads: list[float]) -> float:
    m = 0.0
    for g in grads:
        direction = 0.6 * m + 0.4 * g
        theta = theta - 0.03 * 0.2 * theta - (copysign(0.03, direction) if direction else 0)
        m = 0.8 * m + 0.2 * g
    return theta


def plain_fading(theta: float, grads: list[float]) -> float:
    for step, g in enumerate(grads):
        theta = theta - 0.1 * 0.5**step * g
    return theta


OPTIMIZERS = [
    OptimizerCase("SGD", lambda p: SGD(p, lr=0.1), plain_sgd),
    OptimizerCase("SGD with decay", lambda p: SGD(p, lr=0.1, weight_decay=0.3), plain_decay),
    OptimizerCase("SGD, clipped", lambda p: SGD(p, lr=0.1).clip(value=0.5), plain_clipped),
    OptimizerCase("Momentum", lambda p: Momentum(p, lr=0.1, momentum=0.8), plain_momentum),
    OptimizerCase("Momentum of 0", lambda p: Momentum(p, lr=0.1, momentum=0.0), plain_sgd),
    OptimizerCase("Nesterov", lambda p: Momentum(p, lr=0.1, momentum=0.8, nesterov=True), plain_nesterov),
    OptimizerCase("AdaGrad", lambda p: AdaGrad(p, lr=0.1), plain_adagrad),
    OptimizerCase("RMSProp", lambda p: RMSProp(p, lr=0.05, alpha=0.9), plain_rmsprop),
    OptimizerCase("Adam", lambda p: Adam(p, lr=0.1, beta1=0.8, beta2=0.95), plain_adam(0.0, 0.0)),
    OptimizerCase(
        "Adam with decay", lambda p: Adam(p, lr=0.1, beta1=0.8, beta2=0.95, weight_decay=0.3), plain_adam(0.0, 0.3)
    ),
    OptimizerCase("AdamW", lambda p: AdamW(p, lr=0.1, beta1=0.8, beta2=0.95, weight_decay=0.3), plain_adam(0.3, 0.0)),
    OptimizerCase("NAdam", lambda p: NAdam(p, lr=0.05), plain_nadam),
    OptimizerCase("AMSGrad", lambda p: AMSGrad(p, lr=0.1, beta1=0.8, beta2=0.6), plain_amsgrad),
    OptimizerCase("RAdam", lambda p: RAdam(p, lr=0.1, beta1=0.8, beta2=0.95), plain_radam),
    OptimizerCase("AdaDelta", lambda p: AdaDelta(p, lr=0.5, rho=0.8, eps=0.01), plain_adadelta),
    OptimizerCase("SGD with L1", lambda p: SGD(p, lr=0.1, weight_decay=0.2).penalize(l1=0.3), plain_l1),
    OptimizerCase("Lion", lambda p: Lion(p, lr=0.03, beta1=0.6, beta2=0.8, weight_decay=0.2), plain_lion),
    OptimizerCase("user's Adagrad", lambda p: Adagrad(p, lr=0.1), lambda theta, g: plain_adagrad(theta, g, 1e-8)),
    OptimizerCase("user's FadingSGD", lambda p: FadingSGD(p, lr=0.1), plain_fading),
]
