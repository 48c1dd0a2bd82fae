"""Small data sets: drawn from a seed, or shipped with the package."""

from minidl.datasets.digits import load_digits
from minidl.datasets.synthetic import make_blobs, make_circles, make_moons, make_spirals, make_xor

__all__ = ["load_digits", "make_blobs", "make_circles", "make_moons", "make_spirals", "make_xor"]
