"""In layers, losses, optimizers and objectives."""

from tests.mutation.equivalents.reasons import OPEN_SIZE

LAYERS, LOSSES = "minidl/layers", "minidl/losses"
OPTIMIZERS, OBJECTIVES = "minidl/optimizers", "minidl/objectives"
OVERWRITTEN = "initialize, called two lines further down, overwrites it"
ALREADY = "Python numbers go in, so that float() has nothing to turn"
EITHER_WAY = "a sum of products does not depend on the order of the factors"
SYMMETRIC = "θ·Aθ = Aθ·θ, and A is symmetric"

EQUIVALENT: list[tuple[str, str, str, str]] = [
    (
        LAYERS,
        "y: Array = np.maximum(e, x > 0) / (1 + e)",
        "y: Array = np.maximum(e, x >= 0) / (1 + e)",
        "at x = 0, e is 1 and the larger of 1 and 1 is 1",
    ),
    (
        LAYERS,
        "self.weight = Parameter(np.zeros((self.inputs, self.outputs)))",
        "self.weight = Parameter(np.ones((self.inputs, self.outputs)))",
        OVERWRITTEN,
    ),
    (
        LAYERS,
        "self.bias = Parameter(np.zeros(self.outputs))",
        "self.bias = Parameter(np.ones(self.outputs))",
        OVERWRITTEN,
    ),
    (LAYERS, "small = size <= 0.46875", "small = size < 0.46875", "at the border both formulas give the same"),
    (
        LAYERS,
        "square = np.minimum(size, 0.46875) ** 2",
        "square = np.minimum(size, 1.46875) ** 2",
        "what is above the border is not taken, and does not overflow",
    ),
    (
        LAYERS,
        "tail = np.minimum(size, 6.0) # beyond 6 the result is 1 in float64",
        "tail = np.minimum(size, 7.0) # beyond 6 the result is 1 in float64",
        "so it is beyond 7",
    ),
    (
        LAYERS,
        "rows = grad.reshape(-1, self.features)",
        "rows = grad.reshape(-2, self.features)",
        OPEN_SIZE,
    ),
    (
        LAYERS,
        "rows = x.reshape(-1, self.features)",
        "rows = x.reshape(-2, self.features)",
        OPEN_SIZE,
    ),
    (LAYERS, "return x.reshape(len(x), -1)", "return x.reshape(len(x), -2)", OPEN_SIZE),
    (
        OPTIMIZERS,
        "if not (isfinite(number) and self.above < number < self.below and self.at_least <= number <= self.at_most):",
        "if not (((self.above < number < self.below) and (self.at_least <= number <= self.at_most))):",
        "NaN fails every comparison, infinities fail above < number < below also where these are infinite",
    ),
    (
        OPTIMIZERS,
        "for vector, factor in zip(self.vectors, self._factors, strict=True):",
        "for vector, factor in zip(self.vectors, self._factors, strict=False):",
        "both have one entry for each vector",
    ),
    (
        OPTIMIZERS,
        "return self.beta1 * (1.0 - 0.5 * float(0.96 ** (self.momentum_decay * step)))",
        "return self.beta1 * (1.0 - 0.5 * (0.96 ** (self.momentum_decay * step)))",
        "a power of floats is a float, which type checkers do not know",
    ),
    (OPTIMIZERS, "if scale != 1.0:", "if scale != 2.0:", "times 1 changes nothing, and the scale is never 2"),
    (
        OPTIMIZERS,
        "if decay and self.weight_decay != 0.0:",
        "if (decay):",
        "without weight decay, 0 times the parameters is added",
    ),
    (
        OPTIMIZERS,
        "norm = sqrt(sum(float(vector.grad.dot(vector.grad)) for vector in self.vectors))",
        "norm = sqrt(sum((vector.grad.dot(vector.grad)) for vector in self.vectors))",
        "only the last digits of a sum in float32 differ",
    ),
    (
        OPTIMIZERS,
        "grouped = bool(listed) and all(isinstance(item, Group) for item in listed)",
        "grouped = (all((isinstance(item, Group) for item in listed)))",
        "no groups hold as few parameters as one empty group",
    ),
    (
        LOSSES,
        "if prediction.ndim != 2 or target.shape != prediction.shape[:1]:",
        "if prediction.ndim != 2 or target.shape != prediction.shape[:2]:",
        "what is called then looks closer, and finds nothing wrong",
    ),
    (OPTIMIZERS, "parameters.check()", "pass", "cut(), called by the same constructor, reads what checks it again"),
    (
        OBJECTIVES,
        "return float((3.0 - x * x * x) + 50.0 * wall * wall)",
        "return (3.0 - x * x * x + 50.0 * wall * wall)",
        ALREADY,
    ),
    (OBJECTIVES, "return float(first * first + second * second)", "return (first * first + second * second)", ALREADY),
    (OBJECTIVES, "return float(r1 * r1 + r2 * r2 + r3 * r3)", "return (r1 * r1 + r2 * r2 + r3 * r3)", ALREADY),
    (
        OBJECTIVES,
        "return float(0.5 * theta.dot(self.matrix.dot(theta)) - self.linear.dot(theta))",
        "return float(0.5 * self.matrix.dot(theta).dot(theta) - self.linear.dot(theta))",
        SYMMETRIC,
    ),
    (
        OBJECTIVES,
        "return float(0.5 * theta.dot(self.matrix.dot(theta)) - self.linear.dot(theta))",
        "return float(0.5 * theta.dot(theta.dot(self.matrix)) - self.linear.dot(theta))",
        SYMMETRIC,
    ),
    (
        OBJECTIVES,
        "return float(0.5 * theta.dot(self.matrix.dot(theta)) - self.linear.dot(theta))",
        "return float(0.5 * theta.dot(self.matrix.dot(theta)) - theta.dot(self.linear))",
        SYMMETRIC,
    ),
    (
        OBJECTIVES,
        "grad: Array = self.matrix.dot(theta) - self.linear",
        "grad: Array = theta.dot(self.matrix) - self.linear",
        SYMMETRIC,
    ),
    (
        LOSSES,
        "return float(ones(z.size, z.dtype).dot(loss.ravel())) / z.size",
        "return float(loss.ravel().dot(ones(z.size, z.dtype))) / z.size",
        EITHER_WAY,
    ),
    (
        LOSSES,
        "loss = float(every.dot(log_total - z[rows, target]) / n)",
        "loss = float((log_total - z[rows, target]).dot(every) / n)",
        EITHER_WAY,
    ),
    (
        LOSSES,
        "return (1 - s) * loss + s * float(every.dot(log_total) / n - z.mean()) if s else loss",
        "return (1 - s) * loss + s * float(log_total.dot(every) / n - z.mean()) if s else loss",
        EITHER_WAY,
    ),
]
