"""Small data sets: drawn from a seed, or shipped with the package."""

from minidl.datasets.idx import read_idx
from minidl.datasets.images import load_digits, load_fashion
from minidl.datasets.synthetic import make_blobs, make_circles, make_moons, make_spirals, make_xor
from minidl.datasets.text import load_text

__all__ = [
    "load_digits",
    "load_fashion",
    "load_text",
    "make_blobs",
    "make_circles",
    "make_moons",
    "make_spirals",
    "make_xor",
    "read_idx",
]
