"""What is wrong with data: on entry to models, training, metrics and data sets."""

import numpy as np

from minidl import (
    SGD,
    Batches,
    BCELoss,
    BCEWithLogitsLoss,
    DataError,
    Dense,
    EmpiricalRisk,
    HyperparameterError,
    MSELoss,
    Sequential,
    ShapeError,
    Trainer,
    make_blobs,
    make_xor,
    metrics,
)
from tests.errors.world import World, case


def as_float32(w: World) -> None:
    Sequential(Dense(2, 1), dtype=np.float32)(w.with_x(1e200))


CASES = [
    case("targets (n,)", lambda w: w.trainer.fit(w.x, w.y[:, 0]), ShapeError, "(n, 1)", "(n,)", "y[:, None]"),
    case("loss of (n,)", lambda w: MSELoss()(w.y, w.y[:, 0]), ShapeError, "(6, 1)", "(6,)", "y[:, None]"),
    case(
        "features",
        lambda w: w.trainer.fit(w.x[:, :1], w.y),
        ShapeError,
        "layer 0, Dense(2, 3)",
        "(2,)",
        "(1,)",
        "change",
    ),
    case("call", lambda w: w.net(w.y), ShapeError, "layer 0, Dense(2, 3)", "(2,)", "got (1,)", "change"),
    case("predict", lambda w: w.net.predict([1.0, 2.0]), ShapeError, "layer 0, Dense(2, 3)", "(2,)", "got ()"),
    case("a number", lambda w: w.net(3.0), ShapeError, "x", "first axis", "single number", "[[number]]"),
    case("lengths", lambda w: w.trainer.fit(w.x, w.y[:4]), ShapeError, "6 samples", "has 4", "needs its target"),
    case("empty", lambda w: w.trainer.fit(w.x[:0], w.y[:0]), DataError, "x is empty", "(0, 2)", "at least one"),
    case("NaN", lambda w: w.net(w.with_x(np.nan)), DataError, "x holds 1", "(4, 1)", "nan", "clean the data"),
    case("inf", lambda w: w.net(w.with_x(-np.inf)), DataError, "x holds 1", "(4, 1)", "-inf", "clean the data"),
    case(
        "too large",
        lambda w: as_float32(w),
        DataError,
        "x holds 1",
        "(4, 1)",
        "1e+200",
        "too large for float32",
        "scale the data",
    ),
    case("text", lambda w: w.net([["a", "b"]]), DataError, "x must hold real numbers", "<U1", "encode text as numbers"),
    case("ragged", lambda w: w.net([[1, 2], [3]]), DataError, "x is not an array of numbers", "inhomogeneous"),
    case("masked", lambda w: w.net(np.ma.masked_less(w.x, 0)), DataError, "x has masked", "fill or drop"),
    case("labels", lambda w: w.trainer.fit(w.x, w.y + 1), DataError, "targets", "from 0 to 1", "2.0 at", "encode"),
    case("labels of logits", lambda w: BCEWithLogitsLoss()(w.y, -w.y), DataError, "targets", "from 0 to 1", "encode"),
    case(
        "no probabilities",
        lambda w: Trainer(w.net[:2], BCELoss(), SGD(w.net[:2].parameters(), 0.1)).fit(40 * w.x - 90, np.ones((6, 3))),
        DataError,
        "predictions",
        "from 0 to 1",
        "Sigmoid",
        "BCEWithLogitsLoss",
    ),
    case("risk", lambda w: EmpiricalRisk(w.net, BCELoss(), w.x, w.y[:, 0]), ShapeError, "(n, 1)", "y[:, None]"),
    case("no batches", lambda w: Batches(w.x[:0], w.y[:0]), DataError, "no samples", "at least one"),
    case("no classes", lambda _: metrics.accuracy([[0.7]], [1]), DataError, "prediction", "0.7", "use binary_accuracy"),
    case("lengths", lambda _: metrics.accuracy([0, 1], [1]), ShapeError, "2 predictions but 1 targets"),
    case("two columns", lambda _: metrics.binary_accuracy([[0, 1]], [1]), ShapeError, "(n, …, 1)", "(1, 2)"),
    case("third class", lambda _: metrics.binary_accuracy([0.5], [2]), DataError, "0 and 1", "got 2", "use accuracy"),
    case("too few classes", lambda _: metrics.confusion_matrix([2], [0], classes=2), DataError, "class 2", "0 to 1"),
    case("no variance", lambda _: metrics.r2([1.0, 2.0], [3.0, 3.0]), DataError, "not defined", "all the same"),
    case("centers", lambda _: make_blobs(centers=[1.0]), ShapeError, "centers", "(k, d)", "(1,)"),
    case("noise", lambda _: make_xor(4, noise=-1.0), HyperparameterError, "noise", "at least 0", "got -1"),
]
