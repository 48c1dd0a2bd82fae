"""JAX with the whole step under one jit and donated state, called once a step, the loss read each time.

As the loss is read, nothing is gained by handing a step to another thread, JAX's default on CPUs, and a tiny step takes
twice as long then: "jit" runs it in the calling thread, "async" has the default.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.benchmarks.workloads import Function, Network, Run, data, weights

jax.config.update("jax_enable_x64", True)
VERSION = f"JAX {jax.__version__}"


def dispatch(variant: str) -> None:
    """Say which thread runs the steps; it counts before the first array is made."""
    jax.config.update("jax_cpu_enable_async_dispatch", variant == "async")


def loss_of(theta: Any, x: Any, y: Any, binary: bool) -> Any:
    for W, b in theta[:-1]:
        x = jax.nn.relu(x @ W + b)
    z = x @ theta[-1][0] + theta[-1][1]
    if binary:
        return jnp.mean(jax.nn.softplus(z) - y * z)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], axis=1))


def momentum(lr: float, theta: Any, grad: Any, state: Any) -> tuple[Any, Any]:
    velocity = jax.tree.map(lambda v, g: 0.9 * v + g, state, grad)
    return jax.tree.map(lambda p, v: p - lr * v, theta, velocity), velocity


def adam(lr: float, theta: Any, grad: Any, state: Any) -> tuple[Any, Any]:
    t, mean, squares = state[0] + 1, state[1], state[2]
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grad)
    squares = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, squares, grad)
    c, d = (1 - 0.9**t).astype(jnp.float32), (1 - 0.999**t).astype(jnp.float32)
    theta = jax.tree.map(lambda p, m, s: p - lr * (m / c) / (jnp.sqrt(s / d) + 1e-8), theta, mean, squares)
    return theta, (t, mean, squares)


@lru_cache
def compiled(spec: Network) -> Any:
    """The step, compiled once a process; in mini-batches it takes the samples out of the data itself."""
    update = partial(adam if spec.rule == "adam" else momentum, spec.lr)

    def step(theta: Any, state: Any, x: Any, y: Any, chosen: Any) -> Any:
        if chosen is not None:
            x, y = x[chosen], y[chosen]
        loss, grad = jax.value_and_grad(loss_of)(theta, x, y, spec.binary)
        return *update(theta, grad, state), loss

    return jax.jit(step, donate_argnums=(0, 1))


def network(spec: Network, variant: str) -> Run:
    dispatch(variant)
    step, rng = compiled(spec), np.random.default_rng(0)
    x, y = (jnp.asarray(array) for array in data(spec))
    n, full = len(x), spec.batch >= len(x)

    def copies(zero: bool) -> Any:
        return [tuple(jnp.array(np.zeros_like(a) if zero else a) for a in pair) for pair in weights(spec)]

    theta, state = copies(False), copies(True)
    if spec.rule == "adam":
        state = (jnp.zeros((), jnp.float64), state, copies(True))

    def run(epochs: int, shuffle: bool) -> list[float]:
        nonlocal theta, state
        means = []
        for _ in range(epochs):
            losses = []
            order = None if full else rng.permutation(n) if shuffle else np.arange(n)
            for begin in range(0, n, spec.batch):
                chosen = None if order is None else order[begin : begin + spec.batch]
                theta, state, loss = step(theta, state, x, y, chosen)
                losses.append(float(loss) * (n if chosen is None else len(chosen)))
            means.append(sum(losses) / n)
        return means

    return run


def valley(p: Any) -> Any:
    x, y = p
    return (3 - x * x * x) + 50 * (2 * y * y - x) ** 2


def banana(p: Any) -> Any:
    x, y = p
    return 100 * (y - x * x) ** 2 + (1 - x) ** 2


@lru_cache
def descent(spec: Function) -> Any:
    f = {"CubicValley": valley, "Rosenbrock": banana}[spec.name]

    def step(p: Any) -> Any:
        loss, grad = jax.value_and_grad(f)(p)
        return p - spec.lr * grad, loss

    return jax.jit(step, donate_argnums=0)


def function(spec: Function, variant: str) -> Run:
    dispatch(variant)
    step = descent(spec)

    def run(steps: int, _shuffle: bool) -> list[float]:
        p, losses = jnp.array(spec.start), []
        for _ in range(steps):
            p, loss = step(p)
            losses.append(float(loss))
        return losses

    return run
