"""Breaks that change nothing that anyone could see, by place and kind of change."""

from typing import NamedTuple

from tests.mutation.breaks import Break

__all__ = ["EQUIVALENT", "Equivalent"]


class Equivalent(NamedTuple):
    """`times` breaks of one kind in one function that no test can notice; `start` is that of the file's path."""

    start: str
    place: str
    change: str
    reason: str
    times: int = 1

    def covers(self, broken: Break) -> bool:
        return broken.path.startswith(self.start) and broken[2:4] == self[1:3]

    def __str__(self) -> str:
        more = f", {self.times} times" if self.times > 1 else ""
        return f"{self.start} {self.place}: {self.change}{more}\n    = {self.reason}"


AS_LONG = "both have the same length"
EITHER_SIGN = "noise is as likely as its opposite"
EITHER_WAY = "a sum of products does not depend on the order of the factors"
FLOAT_ALREADY = "it is a float already, which type checkers do not know"
FASTER = "the other parts of the condition imply it, but it is faster to check first"
FOUR_AXES = "a kernel has four axes, of which −2 is 2"
NO_GAP = "a list times 0 or less is empty"
NOT_FINITE = "where one of two numbers is not finite, neither is their difference"
NUMPY_FLOAT = "NumPy's float works as well here, but Python's is faster"
OPEN_SIZE = "NumPy takes every negative size for the one to infer"
OVERWRITTEN = "values are written there before anyone reads it"
SAME_PRODUCTS = "patches have the same products in every order, but one takes less time"
SAME_POINT = "one segment ends where the next starts, so both are in the box, except for rounding"
SEARCHED = "the longer way leads to the same result"
SYMMETRIC = "θ·Aθ = Aθ·θ, and A is symmetric"

EQUIVALENT = [
    Equivalent("minidl/generation", "generate", "< -> <=", "the highest of all scores are all"),
    Equivalent(
        "minidl/generation", "_checked", "drop part 1 of or", "ids in one array stay one, as type checkers do not know"
    ),
    Equivalent(
        "minidl/layers/preprocessing", "_Scaled.__init__", "ones -> zeros", "adapt sets it before forward reads it"
    ),
    Equivalent("minidl/layers/preprocessing", "_Scaled._rows", "1 -> 2", "parts of two rows have the same statistics"),
    Equivalent(
        "minidl/callbacks/reduce_on_plateau",
        "ReduceOnPlateau.on_epoch_end",
        "0.0 -> 1.0",
        "an infinite gain exceeds both",
    ),
    Equivalent(
        "minidl/optimizers/adam_variants", "RAdam._rectification", "<= -> <", "rounding decides what is exactly 5"
    ),
    Equivalent("minidl/callbacks/checkpoint", "places", "1 -> 2", "the names of generators need only differ"),
    Equivalent("minidl/layers/convolution", "DepthwiseConv2D.forward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers/convolution", "DepthwiseConv2D._by_place", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers/kernels", "Convolution._make_parameters", "zeros -> ones", OVERWRITTEN, 2),
    Equivalent("minidl/layers/windows", "blocks", "> -> >=", "a block of 8 samples is a multiple of 8"),
    Equivalent("minidl/layers/pooling", "MaxPool2D.backward", ">= -> >", "adding to 0 is setting, but takes longer"),
    Equivalent("minidl/layers/kernels", "multiply", "1 -> 2", OPEN_SIZE, 2),
    Equivalent("minidl/layers/kernels", "add_products", "1 -> 2", OPEN_SIZE, 2),
    Equivalent("minidl/layers/kernels", "patches", "1 -> 2", f"{OPEN_SIZE}, and {SAME_PRODUCTS}", 6),
    Equivalent("minidl/layers/kernels", "patches", "if -> if not", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "patches", "> -> >=", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "patches", "> -> <", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "patches", "a % b -> a", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "patches", "a % b -> b", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "patches", "% -> *", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "total", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers/kernels", "single", "1 -> 2", SAME_PRODUCTS, 2),
    Equivalent("minidl/layers/kernels", "single", "drop -", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "single", "64 -> 65", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "single", "max -> min", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "single", "< -> <=", SAME_PRODUCTS),
    Equivalent("minidl/layers/kernels", "single", "drop part 1 of or", SAME_PRODUCTS),
    Equivalent("minidl/layers/windows", "Axis.backward", "- -> +", "further zeros at the end are in no window"),
    Equivalent("minidl/layers/convolution", "ConvTranspose2D.backward", "drop -", FOUR_AXES),
    Equivalent("minidl/layers/convolution", "ConvTranspose2D.backward_parameters", "drop -", FOUR_AXES),
    Equivalent("minidl/layers/branches", "Concatenate.output_shape", "> -> >=", "the axis is never 0"),
    Equivalent("minidl/layers/embedding", "Embedding.__init__", "zeros -> ones", OVERWRITTEN),
    Equivalent("minidl/layers/embedding", "Embedding.backward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers/sharing", "Tied.forward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "sigmoid", "> -> >=", "at x = 0, e is 1 and the larger of 1 and 1 is 1"),
    Equivalent("minidl/layers", "Dense.__init__", "zeros -> ones", OVERWRITTEN, 2),
    Equivalent("minidl/layers", "erf", "<= -> <", "at the border both formulas return the same"),
    Equivalent("minidl/layers", "erf", "0.46875 -> 1.46875", "values above the border are not used or too large"),
    Equivalent("minidl/layers", "erf", "6.0 -> 7.0", "beyond 6 the result is 1, and so it is beyond 7"),
    Equivalent("minidl/layers", "_Norm._parameters_back", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "BatchNorm._of_batch", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "GroupNorm._means", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "GroupNorm._means", "drop -", "the means have two axes, so the last one is axis 1"),
    Equivalent("minidl/layers", "GroupNorm.forward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "GroupNorm.backward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "RMSNorm.backward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "PReLU.backward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "Flatten.forward", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/layers", "check_array", "< -> <=", "a container turns dL/dy into an array itself"),
    Equivalent("minidl/losses", "BCEWithLogitsLoss.forward", "a.dot(b) -> b.dot(a)", EITHER_WAY),
    Equivalent("minidl/losses", "CrossEntropyLoss.forward", "a.dot(b) -> b.dot(a)", EITHER_WAY, 2),
    Equivalent("minidl/losses", "CrossEntropyLoss.forward", "1 -> 2", "the next call checks the shapes again"),
    Equivalent("minidl/optimizers", "NAdam._momentum", "drop float", FLOAT_ALREADY),
    Equivalent("minidl/optimizers", "Optimizer._adjusted_step", "1.0 -> 2.0", "times 1 changes nothing"),
    Equivalent("minidl/optimizers", "Optimizer._adjusted_step", "drop part 2 of and", "0 times the parameters is 0"),
    Equivalent("minidl/optimizers", "Optimizer._norm", "drop float", "only the last digits in float32 differ"),
    Equivalent("minidl/optimizers", "_vectors", "line dropped", "the constructor's cut() checks the parameters again"),
    Equivalent("minidl/optimizers", "_groups", "drop part 1 of and", "no groups and an empty group are the same"),
    Equivalent("minidl/objectives", "CubicValley.f", "drop float", FLOAT_ALREADY),
    Equivalent("minidl/objectives", "Himmelblau.f", "drop float", FLOAT_ALREADY),
    Equivalent("minidl/objectives", "Beale.f", "drop float", FLOAT_ALREADY),
    Equivalent("minidl/objectives", "Quadratic.f", "a.dot(b) -> b.dot(a)", SYMMETRIC, 3),
    Equivalent("minidl/objectives", "Quadratic.df", "a.dot(b) -> b.dot(a)", SYMMETRIC),
    Equivalent("minidl/initializers", "orthogonal", "*= -> /=", "1/1 = 1 and 1/−1 = −1"),
    Equivalent("minidl/initializers", "orthogonal", ">= -> >", "the transpose of a square matrix is as uniform"),
    Equivalent("minidl/schedules", "one_cycle.factor", "<= -> <", "at the top both halves return 1"),
    Equivalent("minidl/differences", "numerical_jacobian", "drop float", NUMPY_FLOAT),
    Equivalent("minidl/batch", "as_floats", "False -> True", "a copy holds the same numbers"),
    Equivalent("minidl/metrics", "roc_area", "a.dot(b) -> b.dot(a)", EITHER_WAY),
    Equivalent("minidl/metrics", "roc_area", "drop float", NUMPY_FLOAT),
    Equivalent("minidl/metrics", "precision_area", "drop float", NUMPY_FLOAT),
    Equivalent("minidl/metrics", "precision_area", "a.dot(b) -> b.dot(a)", EITHER_WAY),
    Equivalent("minidl/metrics", "paired", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/metrics", "_weights", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/metrics", "_weights", "sum -> mean", "the mean is 0 or infinite where the sum is"),
    Equivalent("minidl/data", "Batches.__iter__", "drop part 2 of and", "who shuffles has a generator"),
    Equivalent("minidl/datasets/images", "load_fashion", "1 -> 2", OPEN_SIZE),
    Equivalent("minidl/datasets/idx", "_array", "4 -> 5", "a longer beginning of the file holds the header as well", 2),
    Equivalent("minidl/datasets/idx", "_array", "1 -> 2", "one byte too many and two say the same"),
    Equivalent("minidl/datasets/idx", "_array", "> -> >=", "the lengths differ there"),
    Equivalent("minidl/datasets/idx", "_content", "31 -> 32", "32 stands for gzip or zlib, whichever it is"),
    Equivalent("minidl/modules", "_in_parts", "> -> >=", "a copy of the only part is the same"),
    Equivalent("minidl/modules/layer", "as_gradient", "drop part 1 of or", "a copy holds the same numbers"),
    Equivalent("minidl/modules", "Summary.__str__", "0 -> 1", AS_LONG),
    Equivalent("minidl/modules", "_bytes", "drop float", "a count divided by 1000 is a float anyway"),
    Equivalent("minidl/parameters", "Memory.__init__", "zeros -> ones", OVERWRITTEN),
    Equivalent("minidl/parameters", "Parameter", "True -> False", "the constructor sets it"),
    Equivalent("minidl/datasets", "make_xor", "+ -> -", EITHER_SIGN),
    Equivalent("minidl/datasets", "make_blobs", "+ -> -", EITHER_SIGN),
    Equivalent("minidl/datasets", "_two_classes", "+ -> -", EITHER_SIGN),
    Equivalent("minidl/data", "_are_finite", "drop not", SEARCHED, 2),
    Equivalent("minidl/layers/sequential", "Sequential.output_shape", "drop part 1 of or", SEARCHED),
    Equivalent("minidl/run", "Run._evaluate", "+ -> -", NOT_FINITE),
    Equivalent("minidl/callbacks", "History.on_epoch_end", "< -> <=", NO_GAP),
    Equivalent("minidl/callbacks", "History.on_epoch_end", "a - b -> a", NO_GAP),
    Equivalent("minidl/callbacks", "History.on_epoch_end", "- -> +", NO_GAP),
    Equivalent("minidl/training", "Trainer._evaluation.evaluate_parts", "0 -> 1", AS_LONG),
    Equivalent("minidl/training", "Diagnosis.__call__.see", "drop part 1 of and", "only the first finding is reported"),
    Equivalent("minidl/training", "_value", "+ -> -", NOT_FINITE),
    Equivalent("minidl/training", "_value", "a + b -> b", "a value that is not finite is returned as it is"),
    Equivalent("minidl/training", "FateWatch.on_step_end", "drop float", NUMPY_FLOAT),
    Equivalent("minidl/training", "FateWatch.on_step_end", "drop part 1 of and", FASTER),
    Equivalent("minidl/training", "FateWatch._period", "drop part 3 of and", FASTER),
    Equivalent("minidl/training", "kind_of_point", "drop float", NUMPY_FLOAT),
    Equivalent("minidl/plotting/paths", "inside", "drop -", "the last axis of (n, 2) is axis 1"),
    Equivalent("minidl/plotting/paths", "clip_path", "1.0 -> 2.0", "0 to 1 is all that is compared with", 2),
    Equivalent("minidl/plotting/paths", "clip_path", "0.0 -> 1.0", "a segment that enters at its end is outside"),
    Equivalent("minidl/plotting/paths", "clip_path", "a & b -> a", SAME_POINT, 2),
    Equivalent("minidl/plotting/schedule", "plot_schedule", "drop float", "Matplotlib accepts NumPy's numbers"),
]
