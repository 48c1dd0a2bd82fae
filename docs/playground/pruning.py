"""A WebAssembly module without the functions that the playground never calls, and with less use of memory.

The module that runs Python holds some forty packages, such as SciPy and pandas, in the order in which they were linked.
The playground has the Python code of few of them, so nothing can call the others. Their functions become empty ones,
which keeps all numbers of functions, and so everything else, as it is. That halves the download, and the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

HEADER = b"\0asm\1\0\0\0"
CUSTOM, IMPORT, ELEMENT, CODE = 0, 2, 9, 10
FUNCTION = 0

PACKAGES = (
    ("PyInit__cyutility", "PyInit_writers"),
    ("PyInit__regex", "PyInit__stl"),
    ("slaed3_single", "slamc3_"),
    ("fitpack::_deBoor_D(double const*, double, int, int, int, double*)", "xsltCheckWritePath"),
)
"""The first and the last function of each run without use: pandas; regex, lxml, SciPy, scikit-learn and statsmodels;
LAPACK, of which NumPy calls a part; and the libraries that the others were linked with."""

SHARED = re.compile(r"([\w ]+ )?std::|.*pybind11::|operator (new|delete)")
"""Names of functions that the linker may have taken from one of these packages for all others as well."""

OWN = re.compile(
    r"\(anonymous namespace\)|pybind11_init_|Highs|boost::|ducc0::|fast_matrix_market|ipx::|presolve::|xsf::"
)
"""What is in the name of a function that no other package can share, because it is about a type of these packages."""

UNREACHABLE = b"\3\0\0\x0b"
"""The body of a function that does nothing but stop: its size, no variables, `unreachable`, `end`."""

MAPPING = "alloc_mmap"
"""How OpenBLAS asks for the 16 MB that it computes matrix products in. Where there is no mmap, as in a browser, its
stand-in fills them with zeros, so that they all take memory. What OpenBLAS asks for next, malloc, does not."""

FAILED = b"\4\0\x41\x7f\x0b"
"""The body of a function that returns −1: its size, no variables, `i32.const -1`, `end`."""

# A number follows each of the two instructions. What looks like one of them and is none keeps a function that could go.
# The linker writes places in the table of functions with five bytes, which tells them from most other constants.
CALLS = re.compile(rb"\x10(?=([\x80-\xff]{0,4}[\0-\x7f]))")
CONSTANTS = re.compile(rb"\x41(?=([\x80-\xff]{4}[\0-\x0f]))")


def prune(module: bytes, packages: Iterable[tuple[str, str]] = PACKAGES) -> bytes:
    """Return the module without custom sections and the functions of some packages, and with a `MAPPING` that fails.

    A function stays if one that stays calls it, or refers to it.

    Raises:
        ValueError: the bytes are not a module, or the module has no such functions.
    """
    parts = dict(sections(module))
    names = dict(read_names(parts.get((CUSTOM, "name"), b"")))
    imported = count_imports(parts.get((IMPORT, ""), b"\0"))
    table = dict(read_table(parts.get((ELEMENT, ""), b"\0")))
    bodies = list(read_bodies(parts.get((CODE, ""), b"\0")))
    unused = find_unused(names, packages)
    mapping = [number for number, name in names.items() if name == MAPPING]
    if len(mapping) != 1:
        raise ValueError(f"the module has {len(mapping)} functions {MAPPING}, not one: it has changed")
    bodies[mapping[0] - imported] = FAILED

    def referred(number: int) -> Iterator[int]:
        body = bodies[number - imported]
        yield from (read_number(found, 0)[0] for found in CALLS.findall(body))
        yield from (table.get(read_number(found, 0)[0], -1) for found in CONSTANTS.findall(body))

    waiting = [number for number in range(imported, imported + len(bodies)) if number not in unused]
    while waiting:
        found = unused.intersection(referred(waiting.pop()))
        unused -= found
        waiting += found
    for number in unused:
        bodies[number - imported] = UNREACHABLE
    code = write_number(len(bodies)) + b"".join(bodies)
    kept = {key: code if key[0] == CODE else content for key, content in parts.items() if key[0] != CUSTOM}
    return HEADER + b"".join(bytes([key[0]]) + write_number(len(data)) + data for key, data in kept.items())


def find_unused(names: dict[int, str], packages: Iterable[tuple[str, str]]) -> set[int]:
    """The numbers of the functions of some packages, without those that others may share."""
    numbers = {name: number for number, name in names.items()}
    unused: set[int] = set()
    for first, last in packages:
        if first not in numbers or last not in numbers or numbers[first] > numbers[last]:
            raise ValueError(f"the module has no functions from {first} to {last}: it has changed")
        run = range(numbers[first], numbers[last] + 1)
        unused.update(number for number in run if not is_shared(names.get(number, "")))
    return unused


def is_shared(name: str) -> bool:
    """Whether packages other than the one where it is may call a function of this name."""
    return bool(SHARED.match(name)) and not OWN.search(name)


def sections(module: bytes) -> Iterator[tuple[tuple[int, str], bytes]]:
    """The kind, the name if it has one, and the content of each section."""
    if module[:8] != HEADER:
        raise ValueError("this is not a WebAssembly module of version 1")
    at = len(HEADER)
    while at < len(module):
        kind = module[at]
        size, start = read_number(module, at + 1)
        at = start + size
        if at > len(module):
            raise ValueError("the WebAssembly module ends within a section")
        if kind == CUSTOM:
            name, content = read_text(module, start)
            yield (kind, name), module[content:at]
        else:
            yield (kind, ""), module[start:at]


def read_names(section: bytes) -> Iterator[tuple[int, str]]:
    """The numbers and names of functions, from the section ``name``."""
    at = 0
    while at < len(section):
        kind = section[at]
        size, at = read_number(section, at + 1)
        end = at + size
        if kind == 1:
            count, at = read_number(section, at)
            for _ in range(count):
                number, at = read_number(section, at)
                name, at = read_text(section, at)
                yield number, name
        at = end


def count_imports(section: bytes) -> int:
    """How many functions are imported. They are numbered before the others."""
    count, at = read_number(section, 0)
    for _ in range(count):
        for _ in range(2):
            _, at = read_text(section, at)
        if section[at] != FUNCTION:
            raise ValueError("the module imports something other than a function")
        _, at = read_number(section, at + 1)
    return count


def read_table(section: bytes) -> Iterator[tuple[int, int]]:
    """Places in the table of functions, and the functions there."""
    count, at = read_number(section, 0)
    if count > 1 or (count and section[at : at + 2] != b"\0\x41"):
        raise ValueError("the table of functions is not filled as it was")
    if count:
        place, at = read_number(section, at + 2)
        length, at = read_number(section, at + 1)  # behind the end of the expression
        for offset in range(length):
            number, at = read_number(section, at)
            yield place + offset, number


def read_bodies(section: bytes) -> Iterator[bytes]:
    """The bodies of the functions, each with its size before it."""
    count, at = read_number(section, 0)
    for _ in range(count):
        size, start = read_number(section, at)
        yield section[at : start + size]
        at = start + size


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Return the LEB128 number at a place, and the place behind it."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def write_number(number: int) -> bytes:
    """Return a number as LEB128."""
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    return bytes([*written, number])


def read_text(data: bytes, at: int) -> tuple[str, int]:
    """Return the text at a place, with its length before it, and the place behind it."""
    size, at = read_number(data, at)
    return data[at : at + size].decode(), at + size
