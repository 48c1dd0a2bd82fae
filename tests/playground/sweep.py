"""Calls of as many parts of NumPy, the standard library and Matplotlib as a short program can reach.

It prints numbers that do not depend on the machine. The build of the playground removes functions from the module that
runs Python, and a call of one that is missing ends the interpreter.
"""

import bz2
import csv
import datetime
import decimal
import hashlib
import io
import json
import lzma
import pickle
import random
import re
import statistics
import unicodedata
import xml.etree.ElementTree
import zlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

REAL, COMPLEX = "efdg", "FDG"

DRAWS: dict[str, tuple[Any, ...]] = {
    "beta": (2, 3), "binomial": (9, 0.4), "chisquare": (3,), "dirichlet": ([1, 2],), "exponential": (), "f": (3, 4),
    "gamma": (2,), "geometric": (0.3,), "gumbel": (), "hypergeometric": (9, 8, 5), "laplace": (), "logistic": (),
    "lognormal": (), "logseries": (0.4,), "multinomial": (9, [0.2, 0.8]), "multivariate_hypergeometric": ([5, 4], 3),
    "multivariate_normal": ([0, 1], [[2, 1], [1, 2]]), "negative_binomial": (4, 0.5), "noncentral_chisquare": (3, 1),
    "noncentral_f": (3, 4, 1), "normal": (), "pareto": (3,), "permutation": (9,), "poisson": (4,), "power": (3,),
    "rayleigh": (), "standard_cauchy": (), "standard_t": (4,), "triangular": (0, 1, 3), "uniform": (),
    "vonmises": (0, 2), "wald": (1, 2), "weibull": (2,), "zipf": (3,), "choice": (9,), "integers": (99,),
    "bytes": (4,),
}  # fmt: skip
"""The methods of a generator, with arguments."""


def show(name: str, value: Any) -> None:
    value = np.asarray(value)
    if value.dtype.kind in "fc":
        value = np.abs(value).astype(float)
        if value.size > 1:
            value = np.sqrt(np.sum(value**2))
    elif value.dtype.kind in "iub" and value.size > 1:
        value = np.sum(value.astype(float) * np.arange(1, value.size + 1).reshape(value.shape))
    print(name, value)


def matrices() -> None:
    rng = np.random.default_rng(0)
    for kind in "fdFD":
        a = rng.normal(size=(6, 6)) + (1j * rng.normal(size=(6, 6)) if kind in COMPLEX else 0)
        a = (a + 6 * np.eye(6)).astype(kind)
        h, b = a @ a.conj().T, a[:, :2]
        values, vectors = np.linalg.eig(a)
        show(f"{kind} eig", np.abs(a @ vectors - vectors * values).max() < 1e-3)
        values, vectors = np.linalg.eigh(h)
        show(f"{kind} eigh", values)
        show(f"{kind} eigh again", np.abs(vectors * values @ vectors.conj().T - h).max() < 1e-3)
        show(f"{kind} eigvals", np.sort(np.abs(np.linalg.eigvals(a))))
        show(f"{kind} eigvalsh", np.linalg.eigvalsh(h))
        show(f"{kind} svd", np.linalg.svd(a[:, :4])[1])
        show(f"{kind} singular values", np.linalg.svd(a[:4], compute_uv=False, full_matrices=False))
        for mode in ("reduced", "complete", "r", "raw"):
            np.linalg.qr(a[:, :4], mode)
        show(f"{kind} qr", np.diag(np.linalg.qr(a)[1]))
        show(f"{kind} cholesky", np.linalg.cholesky(h))
        show(f"{kind} solve", np.linalg.solve(a, b))
        show(f"{kind} lstsq", np.linalg.lstsq(a[:, :4], b, rcond=None)[0])
        for name in ("inv", "pinv", "det", "cond", "matrix_rank"):
            show(f"{kind} {name}", getattr(np.linalg, name)(a))
        show(f"{kind} slogdet", np.linalg.slogdet(a)[1])
        show(f"{kind} power", np.linalg.matrix_power(a, 3))
        for order in (None, 2, -2, 1, np.inf, "fro", "nuc"):
            show(f"{kind} norm {order}", np.linalg.norm(a, order))
        show(f"{kind} products", np.linalg.multi_dot([a, b, b.T]) + np.einsum("ij,kj->ik", a, a).sum())
        show(
            f"{kind} more products",
            np.inner(a, a) + np.outer(a[0], a[1]) + np.vdot(a, a) + np.kron(a[:2, :2], b[:3, :1]).sum(),
        )
    show("roots", np.sort(np.abs(np.roots([1, -6, 11, -6]))))
    show("polynomial", np.polynomial.Polynomial.fit(np.arange(9.0), np.arange(9.0) ** 2, 3).convert().coef)
    show("chebyshev", np.polynomial.Chebyshev.interpolate(np.sin, 6).coef)


def transforms() -> None:
    rng = np.random.default_rng(1)
    for kind in "fdg":
        for n in (1, 8, 30, 77, 169, 509):
            x = rng.normal(size=n).astype(kind)
            spectrum = np.fft.fft(x)
            show(f"{kind} fft {n}", spectrum)
            show(f"{kind} back {n}", np.abs(np.fft.ifft(spectrum) - x).max() < 1e-4)
            show(f"{kind} rfft {n}", np.fft.irfft(np.fft.rfft(x), n))
            show(f"{kind} hfft {n}", np.fft.ihfft(np.fft.hfft(x, 2 * n), n))
    show("fft2", np.fft.fftshift(np.fft.fft2(rng.normal(size=(6, 10)))))
    show("fftn", np.fft.ifftn(np.fft.fftn(rng.normal(size=(3, 4, 5)))))


def orders() -> None:
    rng = np.random.default_rng(2)
    for kind in "?bBhHiIlLqQ" + REAL + COMPLEX + "SUMm":
        x = (
            rng.integers(0, 100, 300)
            .astype("i8")
            .astype({"S": "S4", "U": "U4", "M": "M8[D]", "m": "m8[s]"}.get(kind, kind))
        )
        for method in ("quicksort", "heapsort", "stable"):
            ranks = np.argsort(x, kind=method)
            assert np.all(np.sort(x, kind=method) == x[ranks])
        if kind not in "SU":
            show(
                f"{kind} sums", np.cumsum(x[:9]).astype("f8") if kind not in COMPLEX + "M" else x[:9].astype("i8").sum()
            )
        np.partition(x, 40)
        np.argpartition(x, [4, 40])
        np.lexsort((x, x[::-1]))
        show(f"{kind} unique", np.unique(x, return_counts=True)[1])
        show(f"{kind} search", np.searchsorted(np.sort(x), x[:20]))
        show(f"{kind} largest", np.argmax(x.astype("U4") if kind == "S" else x))


def functions() -> None:
    x = np.linspace(0.1, 0.9, 40)
    for kind in REAL + COMPLEX + "bBhHiIqQ?":  # how large l and L are depends on the machine
        y = (x * (50 if kind in "bBhHiIqQ" else 1)).astype(kind)
        for name in sorted(dir(np)):
            function = getattr(np, name)
            if isinstance(function, np.ufunc) and function.signature is None:
                try:
                    found = function(*[y] * function.nin)
                except TypeError:  # not for this kind of number
                    continue
                show(f"{kind} {name}", (found[0] if isinstance(found, tuple) else found).astype("D"))
    show("interpolated", np.interp(0.33, x, x**2))
    show("histogram", np.histogram(np.sin(9 * x), 5)[0])
    show("quantiles", np.quantile(x, [0.1, 0.5], method="median_unbiased"))
    show("gradient", np.gradient(x**2, x))
    show("convolution", np.convolve(x, x))
    show("correlation", np.corrcoef(x, x**2))
    show("masked", np.ma.masked_less(x, 0.5).mean())
    show("bits", np.packbits(x > 0.5))
    show("text", np.loadtxt(io.StringIO("1,2\n3,4"), delimiter=","))
    show("strings", np.strings.find(np.array(["abc", "cab"]), "b"))
    file = io.BytesIO()
    np.savez_compressed(file, x=x)
    file.seek(0)
    show("file", np.load(file)["x"])


def numbers() -> None:
    for bits in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64):
        rng = np.random.Generator(bits(3))
        show(bits.__name__, rng.random(5))
        for name, arguments in DRAWS.items():
            drawn = getattr(rng, name)(*arguments)
            show(name, np.frombuffer(drawn, "u1") if name == "bytes" else np.asarray(drawn, float))
    show("legacy", np.random.RandomState(4).randn(4))


def library() -> None:
    data = b"minidl " * 90
    for module in (zlib, bz2, lzma):
        assert module.decompress(module.compress(data)) == data
    for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b", "blake2s"):
        print(name, hashlib.new(name, data).hexdigest())
    print(json.loads(json.dumps({"a": [1, 2.5, None]})), list(csv.reader(["a,b", '"c,d",e'])))
    print(pickle.loads(pickle.dumps({1, 2})), re.findall(r"\bm(\w+)", "minidl m2"), decimal.Decimal(2).sqrt())
    print(statistics.linear_regression([1, 2, 3], [2, 4, 7]), random.Random(5).gauss(0, 1))
    print(datetime.date(2024, 2, 29) + datetime.timedelta(365), unicodedata.name("β"), f"{np.longdouble(1) / 3:.9f}")
    print(xml.etree.ElementTree.fromstring("<a><b c='1'/></a>")[0].attrib)


def figures() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.random((2, 40))
    places = plt.subplots(3, 4, figsize=(12, 9))[1].ravel()
    places[0].plot(x, y, "o--", label=r"$\frac{\partial L}{\partial w}$ and text")
    places[0].legend()
    places[1].contourf(rng.random((9, 9)))
    places[2].tricontourf(x, y, x * y)
    places[3].tripcolor(x, y, x, shading="gouraud")
    places[4].imshow(rng.random((5, 5)), interpolation="lanczos")
    places[5].pcolormesh(rng.random((5, 5)))
    places[6].hist2d(x, y)
    places[7].hexbin(x, y, gridsize=8)
    places[8].quiver(x, y, x, y)
    places[9].streamplot(*np.meshgrid(range(5), range(5)), rng.random((5, 5)), rng.random((5, 5)))
    places[10].boxplot([x, y])
    places[11].set_xscale("symlog")
    places[11].set_title("Größe √2 – “quoted”")
    places[11].violinplot([x, y])
    solid = plt.figure().add_subplot(projection="3d")
    solid.plot_surface(*np.meshgrid(x[:6], y[:6]), rng.random((6, 6)))
    round_ = plt.figure().add_subplot(projection="polar")
    round_.plot(x, y)
    for kind in ("png", "svg"):
        for number in plt.get_fignums():
            plt.figure(number).savefig(io.BytesIO(), format=kind)
    plt.close("all")
    print("figures drawn")


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        for part in (matrices, transforms, orders, functions, numbers, library, figures):
            part()
