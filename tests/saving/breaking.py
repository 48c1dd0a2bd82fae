"""Ways to damage and to forge a file."""

from __future__ import annotations

import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.saving.container import SEAL, _digest

RAN = "canary"
"""A file that would appear in the working folder if code from a file were run."""


# Damage: what a disk, a network or a hasty copy does.


def flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        damaged[place] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def splice(data: bytes, rng: np.random.Generator) -> bytes:
    a, b, c = sorted(int(place) for place in rng.integers(len(data), size=3))
    return [
        data[:a] + data[b:],
        data[:b] + data[a:c] + data[b:],
        data[a:] + data[:a],
        data[:a] + data[b:c] + data[a:b],
    ][int(rng.integers(4))]


def overwrite(data: bytes, rng: np.random.Generator) -> bytes:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 200))
    return data[:start] + rng.bytes(min(length, len(data) - start)) + data[start + length :]


def append(data: bytes, rng: np.random.Generator) -> bytes:
    return rng.bytes(int(rng.integers(1, 100))) + data if rng.random() < 0.5 else data + rng.bytes(50)


# Forgery: an archive that is taken apart, changed and put together again, mostly with the right checksum at its end.

Members = list[tuple[str, bytes]]


def members_of(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def pack(members: Members, *, compress: bool = False, sealed: bool = True) -> bytes:
    file = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind) as archive:
        warnings.simplefilter("ignore")  # of a name that appears twice
        archive.comment = SEAL + b"0" * 64
        for name, member in members:
            archive.writestr(zipfile.ZipInfo(name), member, compress_type=kind)
    return seal(file.getvalue()) if sealed else file.getvalue()


def seal(data: bytes) -> bytes:
    return data[:-64] + _digest(io.BytesIO(data), len(data) - 64)


def choose(members: Members, rng: np.random.Generator) -> int:
    return int(rng.integers(1, len(members)))


def swap_members(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    i, j = choose(members, rng), choose(members, rng)
    members[i], members[j] = (members[i][0], members[j][1]), (members[j][0], members[i][1])
    return pack(members, sealed=bool(rng.integers(2)))


def duplicate_member(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    name, member = members[int(rng.integers(len(members)))]
    return pack([*members, (name, member if rng.random() < 0.5 else flip_bits(member, rng))])


def drop_member(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    del members[int(rng.integers(len(members)))]
    return pack(members)


def forge_member(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    i = choose(members, rng)
    members[i] = members[i][0], [flip_bits, truncate, splice, overwrite][int(rng.integers(4))](members[i][1], rng)
    return pack(members)


def forge_header(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    i = choose(members, rng)
    header, body = members[i][1][:10], members[i][1][128:]
    shape = ["(1000000000000,)", "(-1,)", "(3, -2)", "(99999, 99999, 9)", "()", "(" * 50, "(2.5,)", f"({'9' * 60},)"]
    kind = ["<f8", "|O", ">f8", "<U9", "<c16", "V8", "<f4", "M8[s]"]
    text = (
        f"{{'descr': '{kind[int(rng.integers(8))]}', 'fortran_order': {bool(rng.integers(2))}, "
        f"'shape': {shape[int(rng.integers(8))]}, }}"
    )
    members[i] = members[i][0], header + text.ljust(117).encode() + b"\n" + body
    return pack(members)


def forge_pickle(data: bytes, rng: np.random.Generator) -> bytes:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (RAN, "w")

    members = members_of(data)
    i = choose(members, rng)
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
    evil = b"\x93NUMPY\x01\x00v\x00" + header + pickle.dumps(Evil())
    members[i] = members[i][0], evil if rng.random() < 0.5 else pickle.dumps(Evil())
    return pack(members)


def forge_description(data: bytes, rng: np.random.Generator) -> bytes:
    """Another number, type, depth or length somewhere in the text."""
    members = members_of(data)
    description = json.loads(members[0][1])
    text = members[0][1].decode()
    nested = "[" * 200_000 + "]" * 200_000
    choices: list[Callable[[], str]] = [
        lambda: text.replace('"inputs": 3', f'"inputs": {int(10 ** rng.integers(2, 15))}', 1),
        lambda: text.replace("Dense", ["Missing", "FunctionObjective", "Module", "Sequential"][rng.integers(4)], 1),
        lambda: text.replace('"layers": ', '"layers": ' + nested[: int(rng.integers(400_000))] + ", ", 1),
        lambda: text.replace('"content": ', '"content": ' + nested + ', "old": ', 1),
        lambda: text.replace('"content": ', '"padding": [' + "{}," * 300_000 + '0], "content": ', 1),
        lambda: text.replace('"content": ', '"padding": "' + "x" * 3_000_000 + '", "content": ', 1),
        lambda: text.replace('"format": 2', f'"format": {rng.choice([1, 3, 4])}'),
        lambda: text.replace('"format": 2', '"format": 2, "format": 2'),
        lambda: text.replace('"p": 0.2', '"p": NaN'),
        lambda: text.replace('"p": 0.2', '"p": ' + "9" * 10_000),
        lambda: text.replace('{"dict"', '{"call"', int(rng.integers(1, 5))),
        lambda: json.dumps({**description, "content": [None, 1, "x", [], {}][rng.integers(5)]}),
        lambda: text[: int(rng.integers(len(text)))],
        lambda: text.encode("utf-16").decode("latin-1"),
    ]
    members[0] = members[0][0], choices[int(rng.integers(len(choices)))]().encode()
    return pack(members)


def rename_member(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    i = choose(members, rng)
    name = ["/etc/minidl.npy", "../../escape.npy", "C:\\x.npy", "", "a" * 60_000, "\x00.npy", "..", "model/../x.npy"]
    new = name[int(rng.integers(len(name)))]
    if rng.random() < 0.5:  # in the description, too
        old = members[i][0].removesuffix(".npy")
        members[0] = members[0][0], members[0][1].replace(old.encode(), json.dumps(new)[1:-1].encode())
    members[i] = new, members[i][1]
    return pack(members)


def bomb(data: bytes, rng: np.random.Generator) -> bytes:
    members = members_of(data)
    choice = int(rng.integers(4))
    if choice == 0:
        return pack(members, compress=True)
    if choice == 1:
        return pack([*members, ("zeros.npy", bytes(30_000_000))], compress=True)
    if choice == 2:
        return pack([*members, *((f"{i}.npy", b"") for i in range(int(rng.integers(5_000, 12_000))))])
    # The directory says that one member is larger than the whole file.
    forged = bytearray(pack(members))
    place = forged.find(b"PK\1\2", 0)
    forged[place + 20 : place + 28] = int(rng.integers(2**20, 2**31)).to_bytes(4, "little") * 2
    return seal(bytes(forged))


def foreign(data: bytes, rng: np.random.Generator) -> bytes:
    file = io.BytesIO(data[:0])
    np.savez(file, a=np.zeros(int(rng.integers(9))))
    return [b"", b"PK", rng.bytes(500), file.getvalue(), pickle.dumps(1), seal(rng.bytes(300) + SEAL + bytes(64))][
        int(rng.integers(6))
    ]


MUTATIONS: dict[str, tuple[Callable[[bytes, np.random.Generator], bytes], float]] = {
    "bit flips": (flip_bits, 0.25),
    "truncation": (truncate, 0.1),
    "splice": (splice, 0.1),
    "overwritten": (overwrite, 0.1),
    "appended": (append, 0.05),
    "swapped members": (swap_members, 0.05),
    "duplicate member": (duplicate_member, 0.04),
    "missing member": (drop_member, 0.02),
    "forged member": (forge_member, 0.08),
    "forged header": (forge_header, 0.08),
    "pickle": (forge_pickle, 0.02),
    "forged description": (forge_description, 0.06),
    "renamed member": (rename_member, 0.03),
    "bomb": (bomb, 0.01),
    "foreign file": (foreign, 0.01),
}
"""What is tried, and how often."""
