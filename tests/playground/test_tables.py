"""Tables that people paste are read, or refused with the line that is wrong."""

from typing import Any

import numpy as np
import pytest

from minidl.playground.networks import Network
from minidl.playground.settings import NETWORKS, SettingError, checked
from minidl.playground.tables import check_classes, class_names, read_table, table

ROWS = [[1.0, 2.5, 0], [3.0, -4e-3, 1], [5.0, 6.0, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "1,2.5,0\n3,-4e-3,1\n5,6,0",
        "\n x1, x2, class \n1, 2.5, 0\n\n3, -4e-3, 1\n5, 6, 0\n",
        "1;2.5;0\r\n3;-4e-3;1\r\n5;6;0\r\n",
        "1\t2.5\t0\n3\t-4e-3\t1\n5\t6\t0",
        "1 2.5   0\n3 -4e-3 1\n5 6 0",
        "1 2.5 0\n3\t-4e-3 1\n5 6\t 0",
        '"a","b","c"\n"1","2.5","cat"\n3,-4e-3,"dog"\n5,6,cat',
        "1,2.5,-1\n3,-4e-3,1\n5,6,-1",
        "1;2,5;0\n3;−0,004;1\n5;6;0",
        "1,2.5,9\n3,-4e-3,10\n5,6,9",
        "1,2.5,10\n3,-4e-3,cat\n5,6,10",
        "x1,x2,0\n1,2.5,0\n3,-4e-3,1\n5,6,0",
        "1,2.5,no\n3,-4e-3,yes\n5,6,no",
        "\ufeff1,2.5,0\n3,-4e-3,1\n5,6,0",
    ],
)
def test_tables_of_several_forms_are_read(text: str) -> None:
    assert read_table(text).rows == ROWS


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('1,2,"Smith, J"\n3,4,"Lee, ""K"""', ['Lee, "K"', "Smith, J"]),
        ('1;2,5;"a;b"\n3;4;c, d', ["a;b", "c, d"]),
        ('1,2,"a;b"\n3,4,"c\td"', ["a;b", "c\td"]),
        ("1,2,'x'\n3,4,it's", ["it's", "x"]),
        ('1,2,5" disk\n3,4,"open', ['5" disk', "open"]),
    ],
)
def test_names_of_classes_may_hold_what_separates_columns(text: str, names: list[str]) -> None:
    assert read_table(text).names == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "paste a table"),
        (" \n \n", "paste a table"),
        ("1,2\n3,4", "line 1 must have three columns"),
        ("1,2,0\n3,4,1,9", "line 2 must have three columns, x1, x2 and the class, got 4"),
        ("1,2,0\n\n3,four,1", "line 3: a feature must be a finite number, got 'four'"),
        ("1,two,0\n3,4,1\n5,6,0", "line 1: a feature must be a finite number, got 'two'"),
        ("a,b\n3,4,1\n5,6,0", "line 1 must have three columns"),
        ("1,2,0\n3,-1e100,1", "line 2: a feature must be a finite number"),
        ("1,2,0\n3,nan,1", "line 2: a feature must be a finite number"),
        ("1,2,0\n3,1e999,1", "line 2: a feature must be a finite number"),
        ("1,2,0\n3,,1", "line 2: a feature must be a finite number, got ''"),
        ("1,2,0\n3,4,0", "must hold 2 to 6 classes, got 1: 0$"),
        ("\n".join(f"{i},{-i},{c}" for i, c in enumerate("gfedcba")), "2 to 6 classes, got 7: a, b, c, d, e, …$"),
        ("a,b,c", "a header but no samples"),
        ("1,2,0\n3,4,\n5,6,0", "line 2: the class is missing"),
        ("1,2,0\n1,3,1", "the first feature is the same"),
        ("1,2,0\n3,2,1", "the second feature is the same"),
        ("1,2,0\n" * 600 + "2,3,1\n" * 600, "at most 1000 samples, got 1200"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        read_table(text)
    assert caught.value.field == "csv"


def test_a_table_may_have_a_thousand_samples() -> None:
    assert len(read_table("1,2,0\n" * 500 + "1e99,3,1\n" * 500).rows) == 1000


@pytest.mark.parametrize(
    ("counts", "got"),
    [
        ((2, 2), None),
        ((2, 9), None),
        ((1, 9), "1 and 9"),
        ((9, 1), "9 and 1"),
        ((), "0 and 0"),
        ((2,), "2 and 0"),
        ((2, 3, 2, 2, 2, 2), None),
        ((3, 0, 2), "3, 0 and 2"),
        ((2, 2, 2, 1), "2, 2, 2 and 1"),
    ],
)
def test_each_class_needs_two_points(counts: tuple[int, ...], got: str | None) -> None:
    points = [[0.5, 0.5, label] for label, count in enumerate(counts) for _ in range(count)]
    if got is None:
        check_classes(points, "points")
    else:
        with pytest.raises(SettingError, match=f"at least two points of each class are needed, got {got}$"):
            check_classes(points, "points")


def test_up_to_six_classes_are_numbered_in_the_order_of_their_names() -> None:
    names = ["virginica", "10", "setosa", "9", "versicolor", "-1"]
    found = read_table("\n".join(f"{i},{i * i},{name}" for i, name in enumerate(names)))
    assert found.names == ["-1", "9", "10", "setosa", "versicolor", "virginica"]
    assert [row[2] for row in found.rows] == [5, 2, 3, 1, 4, 0]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["class 0", "class 1"]),
        ({"data": "moons", "classes": 5}, ["class 0", "class 1"]),
        ({"data": "blobs", "classes": 4}, ["class 0", "class 1", "class 2", "class 3"]),
        ({"data": "points"}, ["class 0", "class 1"]),
        ({"data": "points", "points": [[0, 0, 2], [1, 1, 0]]}, ["class 0", "class 1", "class 2"]),
        ({"data": "csv", "csv": "1,2,cat\n3,4,7\n5,6,dog"}, ["class 7", "cat", "dog"]),
    ],
)
def test_classes_have_names(settings: dict[str, Any], names: list[str]) -> None:
    assert class_names(checked(NETWORKS, settings)) == names


@pytest.mark.parametrize(("width", "lines"), [(10, 4), (28, 4), (29, 3)])
def test_a_line_of_a_table_is_as_long_as_may_be(width: int, lines: int) -> None:
    assert len(table("data", [[1.0, 2, 0], [1.0, 2, 1]], width).splitlines()) == lines


def test_the_code_of_a_table_makes_its_array() -> None:
    space: dict[str, Any] = {"np": np}
    rows = [[0.1 * i, -1e-9 * i, i % 2] for i in range(100)]
    code = table("data", rows, 80)
    exec(code, space)
    assert np.array_equal(space["data"], rows)
    assert max(map(len, code.splitlines())) <= 80


def test_features_of_a_table_are_put_on_the_same_scale() -> None:
    text = "\n".join(f"{1000 + i},{i % 3},{i % 2}" for i in range(40))
    network = Network({"data": "csv", "csv": text})
    assert np.abs(network.x.mean(axis=0)).max() < 1e-12
    assert np.abs(network.x.std(axis=0) - 1).max() < 1e-12


def test_nothing_in_a_table_is_run() -> None:
    evil = "__import__('os').abort()"
    text = "\n".join(f"{i},{i * i},{evil if i % 2 else 'b'}" for i in range(20))
    assert evil not in Network({"data": "csv", "csv": text}).code.text
    with pytest.raises(SettingError, match="must be a finite number"):
        read_table(f"1,2,a\n3,{evil},b")
