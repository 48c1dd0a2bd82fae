"""Models as tables: numbers by hand, also of nested models."""

import re
from typing import Any

import numpy as np
import pytest

from minidl import BatchNorm, Dense, Flatten, Layer, Parallel, ReLU, Residual, Sequential, ShapeError, Summary
from minidl.modules import Row
from tests.user_defined import Scale


def test_rows_by_hand() -> None:
    model = Sequential(
        Dense(2, 4), ReLU(), Residual(Dense(4, 4, use_bias=False), Sequential(BatchNorm(4))), Dense(4, 1)
    )
    summary = model.summary()
    assert summary.rows == [
        Row("0", "Dense(2, 4)", (4,), 12, 192),
        Row("1", "ReLU()", (4,), 0, 0),
        Row("2.0", "Dense(4, 4, use_bias=False)", (4,), 16, 256),
        Row("2.1.0", "BatchNorm(4)", (4,), 8, 128),
        Row("3", "Dense(4, 1)", (1,), 5, 80),
    ]
    assert (summary.parameters, summary.memory) == (41, 656)
    assert summary.parameters == model.parameters().size
    assert model.astype(np.float32).summary().memory == 328


def test_a_layer_alone_is_one_row() -> None:
    assert Dense(3, 2).summary().rows == [Row("", "Dense(3, 2)", (2,), 8, 128)]


def test_shapes_that_are_not_known() -> None:
    summary = Sequential(Flatten(), Scale(3), Dense(3, 1)).summary()
    assert [row.shape for row in summary.rows] == [None, None, (1,)]


def test_no_layers_make_an_empty_table() -> None:
    assert Sequential().summary() == Summary([])
    assert "total" in str(Sequential().summary())


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (
            Sequential(Dense(1, 1), ReLU()),
            """
path  layer        output  parameters  memory
─────────────────────────────────────────────
0     Dense(1, 1)  (n, 1)           2    32 B
1     ReLU()       (n, 1)           0     0 B
─────────────────────────────────────────────
      total                         2    32 B
""",
        ),
        (
            Sequential(Residual(Dense(300, 300)), Scale(2)),
            """
path  layer            output    parameters  memory
───────────────────────────────────────────────────
0.0   Dense(300, 300)  (n, 300)      90,300  1.4 MB
1     Scale(2)         ?                  2    32 B
───────────────────────────────────────────────────
      total                          90,302  1.4 MB
? is not known: define output_shape(shape) in Scale
""",
        ),
    ],
)
def test_the_table_as_it_prints(model: Layer, shown: str) -> None:
    assert str(model.summary()) == shown.strip("\n")
    assert repr(model.summary()) == shown.strip("\n")  # what a notebook shows


class Halved(Scale):
    """A second class that does not define output_shape."""


class SaysNothing(Scale):
    def output_shape(self, shape: Any) -> Any:
        return None


CALL = "? depends on the shape of a sample: call summary(x.shape[1:])"
SILENT = "? is not known: define output_shape(shape) in {}"


@pytest.mark.parametrize(
    ("model", "hints", "hints_for_a_shape"),
    [
        (Scale(3), [SILENT.format("Scale")], [SILENT.format("Scale")]),
        (Sequential(Dense(3, 3), Scale(3)), [SILENT.format("Scale")], [SILENT.format("Scale")]),
        (Sequential(Scale(3), Dense(3, 3)), [SILENT.format("Scale")], [SILENT.format("Scale")]),
        (Sequential(Scale(3), Flatten()), [SILENT.format("Scale")], [SILENT.format("Scale")]),
        (Sequential(Flatten(), Scale(3)), [CALL, SILENT.format("Scale")], [SILENT.format("Scale")]),
        (
            Sequential(Scale(3), Sequential(Halved(3), Scale(3))),
            [SILENT.format("Scale and Halved")],
            [SILENT.format("Scale and Halved")],
        ),
        (Parallel(Scale(3), Dense(3, 1)), [SILENT.format("Scale")], [SILENT.format("Scale")]),
        (Sequential(Flatten(), Dense(3, 3)), [CALL], []),
        (Sequential(ReLU(), Dense(3, 3)), [CALL], []),
        (Sequential(Dense(3, 3), ReLU()), [], []),
        (SaysNothing(3), [CALL], []),
    ],
    ids=repr,
)
def test_what_is_said_of_shapes_that_are_not_known(
    model: Layer, hints: list[str], hints_for_a_shape: list[str]
) -> None:
    shape: Any = ((3,), (3,)) if isinstance(model, Parallel) else (3,)
    for summary, expected in ((model.summary(), hints), (model.summary(shape), hints_for_a_shape)):
        assert [line for line in str(summary).splitlines() if line.startswith("?")] == expected
        assert re.findall(r"<div>(\?.*?)</div>", summary._repr_html_()) == expected


@pytest.mark.parametrize(
    ("memory", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_999, "1000.0 kB"),
        (10**6, "1.0 MB"),
        (5 * 10**12, "5000.0 GB"),
    ],
)
def test_sizes_as_people_read_them(memory: int, shown: str) -> None:
    assert str(Summary([Row("", "", (1,), 0, memory)])).splitlines()[-1].endswith(f"  {shown}")


@pytest.mark.parametrize(
    "shape", [3, 3.0, "3", [3], (3.0,), (-3,), (0,), [(3,), (3,)], ((3,), 3), (3, (3,)), ((3,), [3])]
)
def test_a_summary_refuses_what_is_not_a_shape(shape: Any) -> None:
    for model in (Dense(3, 1), Sequential(Flatten()), Parallel(Flatten(), Flatten())):
        with pytest.raises(ShapeError, match="a shape must be that of one sample, such as"):
            model.summary(shape)


def test_sizes_may_be_integers_of_numpy() -> None:
    assert Dense(3, 1).summary((np.int64(3),)).rows[0].shape == (1,)
    assert Sequential(Flatten()).summary(()).rows[0].shape == (1,)
