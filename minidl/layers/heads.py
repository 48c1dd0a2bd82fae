"""Scaled dot-product attention in several heads: the arithmetic that the attention layers share.

Each head has queries, keys and values of its own. They are views (n, heads, t, k) of the arrays (n, t, features) that
the layers' products return, and so are their gradients: NumPy's `matmul` reads and writes such views without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from math import sqrt

import numpy as np

from minidl.typing import Array

__all__ = ["attend", "attend_backward", "by_head"]

SCORES = 128_000
"""Scores that are computed at a time, so that they are still in the cache at the next operation."""

ROWS = 64
"""Queries at a time if attention is causal: the keys after the last of them are left out, which saves up to half."""


def by_head(array: Array, heads: int, parts: int) -> Array:
    """Return a view (parts, n, heads, t, k) of an array (n, t, parts · heads · k)."""
    n, t, features = array.shape
    return array.reshape(n, t, parts, heads, features // (parts * heads)).transpose(2, 0, 3, 1, 4)


def attend(
    q: Array, k: Array, v: Array, *, mask: Array | None = None, causal: bool = False, factor: Array | None = None
) -> tuple[Array, Array]:
    """Return ``y = (P ∘ f) v`` and the weights ``P = softmax(q kᵀ / √k)``, of which each row sums up to 1.

    Where a key is masked, P is 0. If all keys of a row are masked, the row of P is 0, and so is that of y.

    Args:
        q: queries (n, heads, t, k).
        k, v: keys and values (n, heads, s, k). Where they are masked, they must be finite.
        mask: Boolean (n, s), True where there is a key.
        causal: whether query i only sees the keys up to i.
        factor: f, the factors of dropout (n, heads, t, s). None means 1.

    Returns:
        y (n, t, heads · k) and P (n, heads, t, s).

    >>> q = k = v = np.eye(2)[None, None]
    >>> y, weights = attend(q, k, v, causal=True)
    >>> weights[0, 0].round(2)
    array([[1.  , 0.  ],
           [0.33, 0.67]])
    """
    n, heads, t, size = q.shape
    weights = (np.zeros if causal and t > ROWS else np.empty)((n, heads, t, k.shape[2]), q.dtype)
    y = np.empty((n, t, heads * size), q.dtype)
    out = by_head(y, heads, 1)[0]
    later = np.triu(np.full((ROWS, ROWS), -np.inf, q.dtype), 1) if causal else None
    for block, rows, seen in _blocks(weights.shape, causal):
        p = weights[(*block, rows, seen)]
        np.matmul(q[(*block, rows)] * _scale(q), k[(*block, seen)].swapaxes(-1, -2), out=p)
        if later is not None:
            p[..., rows] += later[: p.shape[-2], : p.shape[-2]]
        if mask is not None:
            np.copyto(p, -np.inf, where=~mask[block[0], None, None, seen])
        # Of an empty row, the maximum would be −∞, and −∞ − (−∞) is not a number.
        p -= p.max(axis=-1, keepdims=True, initial=np.finfo(p.dtype).min)
        np.exp(p, out=p)
        p /= np.maximum(p.sum(axis=-1, keepdims=True), 1)  # at least e⁰, unless the row is empty
        np.matmul(p if factor is None else p * factor[(*block, rows, seen)], v[(*block, seen)], out=out[(*block, rows)])
    return y, weights


def attend_backward(
    grad: Array,
    y: Array,
    weights: Array,
    inputs: Iterable[Array],
    grads: Iterable[Array],
    *,
    causal: bool = False,
    factor: Array | None = None,
) -> None:
    """Write dL/dq, dL/dk and dL/dv of `attend` for ``g = dL/dy`` into arrays.

    With ``dP = f ∘ g vᵀ``, the scores S have ``dS = P ∘ (dP − rowsum(dP ∘ P))``, and rowsum(dP ∘ P) = rowsum(g ∘ y).
    Then dq = dS k / √k, dk = dSᵀ q / √k and dv = (P ∘ f)ᵀ g.

    Args:
        grad: g (n, t, heads · k).
        y, weights: what `attend` returned.
        inputs: q, k and v.
        grads: where to write their gradients, arrays of their shapes.
        causal, factor: as for `attend`.
    """
    (q, k, v), (dq, dk, dv) = inputs, grads
    scale = _scale(q)
    g, out = (by_head(array, q.shape[1], 1)[0] for array in (grad, y))
    totals = np.einsum("nhtk,nhtk->nht", g, out)[..., None]
    for block, rows, seen in _blocks(weights.shape, causal):
        p = weights[(*block, rows, seen)]
        kept = p if factor is None else p * factor[(*block, rows, seen)]
        ds = np.matmul(g[(*block, rows)], v[(*block, seen)].swapaxes(-1, -2))
        if factor is not None:
            ds *= factor[(*block, rows, seen)]
        ds -= totals[(*block, rows)]
        ds *= p
        part = dq[(*block, rows)]
        np.matmul(ds, k[(*block, seen)], out=part)
        part *= scale
        last = rows.stop == weights.shape[2]
        _put(ds.swapaxes(-1, -2), q[(*block, rows)] * scale, dk[(*block, seen)], add=not last)
        _put(kept.swapaxes(-1, -2), g[(*block, rows)], dv[(*block, seen)], add=not last)


def _scale(q: Array) -> float:
    """1 / √k keeps the variance of the scores near 1, whatever the size k of a head."""
    return 1 / sqrt(q.shape[-1])


def _put(a: Array, b: Array, out: Array, *, add: bool) -> None:
    if add:
        out += np.matmul(a, b)
    else:
        np.matmul(a, b, out=out)


def _blocks(shape: tuple[int, ...], causal: bool) -> Iterator[tuple[tuple[slice, slice], slice, slice]]:
    """Cut scores (n, heads, t, s) into blocks: samples and heads, then queries, then the keys that these may see.

    The last queries of a head, which see all its keys, come first.
    """
    n, heads, t, s = shape
    rows = min(t, ROWS if causal else max(1, SCORES // s))
    pairs = max(1, SCORES // (rows * s))  # of a sample and a head
    per_head, per_sample = min(heads, pairs), max(1, pairs // heads)
    for i, j in product(range(0, n, per_sample), range(0, heads, per_head)):
        for start in reversed(range(0, t, rows)):
            stop = min(t, start + rows)
            yield (slice(i, i + per_sample), slice(j, j + per_head)), slice(start, stop), slice(stop if causal else s)
