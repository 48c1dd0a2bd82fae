"""The description inside a file, and that no more is written than is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import CheckpointError
from minidl.saving.container import (
    BYTES_A_TOKEN,
    DESCRIPTION,
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    MOST_MEMBERS,
    MOST_TOKENS,
    read,
    write,
)
from tests.saving.breaking import members_of, pack
from tests.saving.helpers import refused


def with_text(text: str | bytes, members: list[tuple[str, bytes]] | None = None) -> bytes:
    encoded = text if isinstance(text, bytes) else text.encode()
    return pack([(DESCRIPTION, encoded), *(members or [])])


def with_content(content: str) -> bytes:
    return with_text(f'{{"format": 2, "arrays": {{}}, "content": {content}}}')


def test_content_that_is_right(tmp_path: Path) -> None:
    """So that those below are refused for what they say."""
    (tmp_path / "file.npz").write_bytes(with_content('[1, {"a": null}]'))
    assert read(tmp_path / "file.npz") == ([1, {"a": None}], {})


ROOM = LONGEST_DESCRIPTION - len('{"format": 2, "arrays": {}, "content": ""}')

TEXTS: list[tuple[Callable[[], bytes], str]] = [
    (lambda: with_text(b""), "is damaged: JSONDecodeError"),
    (lambda: with_text("{}"), r"is damaged: KeyError\('format'\)"),
    (lambda: with_text("[]"), "is damaged: TypeError"),
    (lambda: with_text("1"), "is damaged: TypeError"),
    (lambda: with_text('{"format": 1}'), "has format 1, which this version does not read: it reads 2"),
    (lambda: with_text('{"format": "2"}'), "has format '2', which this version does not read"),
    (lambda: with_text('{"format": 2}'), r"is damaged: KeyError\('arrays'\)"),
    (lambda: with_text('{"format": 2, "arrays": {}}'), r"is damaged: KeyError\('content'\)"),
    (lambda: with_text('{"format": 2, "arrays": [], "content": 1}'), "is damaged: AttributeError"),
    (lambda: with_text('{"format": 2, "arrays": 1, "content": 1}'), "is damaged: TypeError"),
    (lambda: with_text('{"format": 2, "arrays": {"a": 1}, "content": 1}'), "are not those that it describes"),
    (lambda: with_content("NaN"), "is forged: its description holds NaN"),
    (lambda: with_content("[1, -Infinity]"), "is forged: its description holds -Infinity"),
    (lambda: with_content('{"a": 1, "b": 2, "a": 1}'), "is forged: a name in its description appears twice"),
    (lambda: with_text('{"format": 2, "arrays": {}, "format": 2, "content": 1}'), "appears twice"),
    (lambda: with_content('"é"'), "is damaged: UnicodeDecodeError"),
    (lambda: with_text('{"format": 2, "arrays": {}, "content": 1}'.encode("utf-16")), "is damaged: UnicodeDecodeErr"),
    (lambda: with_content("9" * 5_000), "is damaged: ValueError"),
    (lambda: with_content("[" * 39_000 + "]" * 39_000), "is nested too deeply"),
    (lambda: with_content('"' + "x" * (ROOM + 1) + '"'), "is forged: its description is too long"),
    (lambda: with_content('"' + "x" * 30_000_000 + '"'), "is forged: its description is too long"),
    (
        lambda: with_content("[" + "{}," * 300_000 + "0]"),
        "has a description of 900043 bytes and 600008 tokens, more than a file can hold",
    ),
    (lambda: with_content("[" + "[]," * 21_000 + "0]"), "tokens, more than a file can hold"),
    (lambda: with_content("[" + "0," * 42_000 + "0]"), "tokens, more than a file can hold"),
    (lambda: with_content("{" + ",".join(f'"{i}":1' for i in range(21_000)) + "}"), "tokens, more than a file can"),
]


@pytest.mark.parametrize(("make", "words"), TEXTS)
def test_texts(make: Callable[[], bytes], words: str, tmp_path: Path) -> None:
    refused(make(), words, tmp_path)


LARGEST = [
    '"' + "x" * (ROOM - 12) + '\\ud83d\\ude00"',
    '"' + "\\u1234" * (ROOM // 6 - 1) + '"',
    "[" + ",".join(['"' + "x" * 20 + '\\ud83d\\ude00"'] * 40_000) + "]",
    "[" + "[0]," * 20_000 + "0]",
    "[" + '{"a":0},' * 13_000 + "0]",
    "{" + ",".join(f'"{i}":[]' for i in range(13_000)) + "}",
    "[" + "1.5," * 39_990 + "0]",
    "[" + ("9" * 35 + ",") * 39_990 + "0]",
]
"""The most memory that a short text can be made to take."""


@pytest.mark.parametrize("content", LARGEST, ids=lambda content: content[:20])
def test_the_largest_descriptions_take_little_memory(content: str, tmp_path: Path) -> None:
    data = with_content(content)
    assert len(data) < LONGEST_DESCRIPTION + 1_000
    refused(data.replace(b'"format": 2', b'"format": 1'), "checksum", tmp_path)
    refused(with_text(members_of(data)[0][1].replace(b'"format": 2', b'"format": 1')), "has format 1", tmp_path)


def names_of(kind: str) -> list[str]:
    wrong = ["/a", "/", "..", "../a", "a/..", "a/../b", "é", "a\n", "\x00", "\x7f", "a\\b", "a" * (LONGEST_NAME + 1)]
    right = ["a", "a/b", "a b", "...", "a..b", "a/..b", "b../c", ".", "a" * LONGEST_NAME, "", "minidl.json", "~", "C:x"]
    return wrong if kind == "wrong" else right


@pytest.mark.parametrize("name", names_of("wrong"))
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    """When a file is written, and when one is read that has such a name all the same."""
    words = "cannot have an array of the name|has an array whose name '.*' is a path out of the file"
    with pytest.raises(CheckpointError, match=words):
        write(tmp_path / "file.npz", None, {name: np.zeros(1)})
    assert not list(tmp_path.iterdir())
    write(tmp_path / "file.npz", None, {"right": np.zeros(1)})
    members = members_of((tmp_path / "file.npz").read_bytes())
    text = members[0][1].replace(b'"right"', json.dumps(name).encode())
    refused(with_text(text, [(f"{name}.npy".replace("\x00", "0"), members[1][1])]), words, tmp_path)


@pytest.mark.parametrize("name", names_of("right"))
def test_names_that_are_taken(name: str, tmp_path: Path) -> None:
    write(tmp_path / "file.npz", None, {name: np.ones(1)})
    assert read(tmp_path / "file.npz")[1][name].tolist() == [1.0]


def test_no_more_arrays_are_written_than_read(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    most = {str(index): np.full((), index, np.int16) for index in range(MOST_MEMBERS - 1)}
    write(path, None, most)
    before = path.read_bytes()
    back = read(path)[1]
    assert {name: int(array) for name, array in back.items()} == {name: int(array) for name, array in most.items()}
    with pytest.raises(CheckpointError, match="has 5000 arrays, more than the 4999 that a file can hold"):
        write(path, None, {**most, "one more": np.zeros(1)})
    assert path.read_bytes() == before


def test_no_longer_text_is_written_than_read(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    write(path, "x" * ROOM, {})
    assert len(members_of(path.read_bytes())[0][1]) == LONGEST_DESCRIPTION
    assert read(path)[0] == "x" * ROOM
    with pytest.raises(CheckpointError, match="has a description of 1500001 bytes and 7 tokens, more than a file can"):
        write(path, "x" * (ROOM + 1), {})
    assert read(path)[0] == "x" * ROOM


@pytest.mark.parametrize("size", [0, BYTES_A_TOKEN * 1_000])
def test_no_more_tokens_are_written_than_read(size: int, tmp_path: Path) -> None:
    """Each hundred bytes of numbers allow for one more."""
    path = tmp_path / "file.npz"
    arrays = {"a": np.zeros(size, np.uint8)}
    write(path, [], arrays)
    text = members_of(path.read_bytes())[0][1]
    others = sum(map(text.count, (b",", b":", b"[", b"{")))
    count = MOST_TOKENS + size // BYTES_A_TOKEN

    def content(tokens: int) -> list[int]:
        return [0] * (tokens - others + 1)  # a comma between two

    write(path, content(count), arrays)
    assert read(path)[0] == content(count)
    with pytest.raises(CheckpointError, match=f"bytes and {count + 1} tokens, more than a file can hold"):
        write(path, content(count + 1), arrays)
    assert read(path)[0] == content(count)


@pytest.mark.parametrize("sign", ["{}", "[]", "0", '{"": 0}'])
def test_every_sign_that_makes_an_object_counts(sign: str, tmp_path: Path) -> None:
    content: Any = [json.loads(sign)] * MOST_TOKENS
    with pytest.raises(CheckpointError, match="tokens, more than a file can hold"):
        write(tmp_path / "file.npz", content, {})


@pytest.mark.parametrize("wrong", [float("nan"), [float("inf")], 10**5000], ids=["nan", "inf", "digits"])
def test_what_json_does_not_take(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no file can hold this"):
        write(tmp_path / "file.npz", wrong, {})
    assert not list(tmp_path.iterdir())
