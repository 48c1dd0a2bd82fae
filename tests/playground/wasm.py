"""Small WebAssembly modules, put together byte by byte."""

from collections.abc import Mapping

HEADER = b"\0asm\1\0\0\0"


def number(value: int) -> bytes:
    """A number as LEB128."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def padded(value: int) -> bytes:
    """A number in five bytes, as the linker writes those of functions."""
    return bytes([value & 127 | 128, value >> 7 & 127 | 128, value >> 14 & 127 | 128, value >> 21 & 127 | 128, 0])


def text(value: str) -> bytes:
    return number(len(value.encode())) + value.encode()


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + number(len(content)) + content


def body(code: bytes) -> bytes:
    """A function without variables."""
    return number(len(code) + 2) + b"\0" + code + b"\x0b"


def module(functions: Mapping[str, bytes], table: Mapping[int, str] | None = None) -> bytes:
    """A module with an import, with the code of functions by name, and with a table of some of them from place 1 on."""
    numbers = {name: at for at, name in enumerate(functions, start=1)}
    kept = section(1, b"t" * 200) + section(2, b"\1" + text("host") + text("call") + b"\0\0")
    if table:
        assert list(table) == [*range(1, len(table) + 1)]
        entries = b"".join(number(numbers[name]) for name in table.values())
        kept += section(9, b"\1\0\x41\1\x0b" + number(len(table)) + entries)
    code = section(10, number(len(functions)) + b"".join(body(code) for code in functions.values()))
    names = b"".join(number(at) + text(name) for name, at in numbers.items())
    named = b"\0" + number(2) + text("m") + b"\1" + section(1, number(len(numbers)) + names)[1:]
    return HEADER + kept + code + section(0, text("name") + named) + section(0, text("producers") + b"x")


def call(at: int) -> bytes:
    return b"\x10" + padded(at)


def constant(value: int) -> bytes:
    return b"\x41" + padded(value)
