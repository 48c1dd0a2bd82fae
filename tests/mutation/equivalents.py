"""Breaks that change nothing that anyone could see: (where, the line before and after, why)."""

LAYERS, LOSSES = "minidl/layers", "minidl/losses"
OPTIMIZERS, OBJECTIVES = "minidl/optimizers", "minidl/objectives"
INITIALIZERS, SCHEDULES, METRICS = "minidl/initializers", "minidl/schedules", "minidl/metrics"
DATASETS, SUMMARY = "minidl/datasets", "minidl/modules/summary"
SAVING = "minidl/saving"
PARAMETERS = "minidl/parameters"
DATA, TRAINING = "minidl/data", "minidl/training"
SHARE = "count = round(share * len(x)) if 0.0 < share < 1.0 else 0"
GAP, NO_GAP = "if len(values) < run.epoch - 1:", "a list times 0 or less is empty"
OVERWRITTEN = "initialize, called two lines further down, overwrites it"
ALREADY = "Python numbers go in, so that float() has nothing to turn"
OPEN_SIZE = "NumPy takes every negative size for the one that is left open"
EITHER_SIGN = "noise is as likely as its opposite"
EITHER_WAY = "a sum of products does not depend on the order of the factors"
AS_LONG = "both have the same length"
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
        "tail = np.clip(size, 0.46875, 6.0) # beyond 6 the result is 1 in float64",
        "tail = np.clip(size, 0.46875, 7.0) # beyond 6 the result is 1 in float64",
        "so it is beyond 7",
    ),
    (
        LAYERS,
        "for p, q in zip(coefficients[0][1:], coefficients[1][1:], strict=True):",
        "for p, q in zip(coefficients[0][1:], coefficients[1][1:], strict=False):",
        AS_LONG,
    ),
    (
        LAYERS,
        "self.weight.grad = (grad * self.z).reshape(-1, features).sum(axis=0)",
        "self.weight.grad = (grad * self.z).reshape(-2, features).sum(axis=0)",
        OPEN_SIZE,
    ),
    (
        LAYERS,
        "self.bias.grad = grad.reshape(-1, features).sum(axis=0)",
        "self.bias.grad = grad.reshape(-2, features).sum(axis=0)",
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
        LOSSES,
        "self.e, self.positive, self.y = np.exp(-np.abs(z)), z > 0, y",
        "self.e, self.positive, self.y = np.exp(-np.abs(z)), z >= 0, y",
        "at z = 0, the term times z is 0, and in backward the larger of e = 1 and 1 is 1",
    ),
    (
        LOSSES,
        "return float(np.log1p(self.e).sum() + np.vdot(self.positive - y, z)) / z.size",
        "return float(np.log1p(self.e).sum() + np.vdot(z, self.positive - y)) / z.size",
        "a·b = b·a",
    ),
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
        INITIALIZERS,
        "q *= np.sign(np.diag(r)) # without it, q would not be uniform among all such matrices",
        "q /= np.sign(np.diag(r)) # without it, q would not be uniform among all such matrices",
        "times and through 1 or -1 are the same",
    ),
    (
        INITIALIZERS,
        "return q if rows >= columns else q.T",
        "return q if rows > columns else q.T",
        "of a square matrix, the transpose is as uniform",
    ),
    (
        SCHEDULES,
        "begin, goal, share = (start, 1.0, step / top) if step <= top else (1.0, end, (step - top) / (last - top))",
        "begin, goal, share = (start, 1.0, step / top) if step < top else (1.0, end, (step - top) / (last - top))",
        "at the top both halves give 1",
    ),
    (
        METRICS,
        "width = scores.shape[1] if scores.ndim == 2 else 0",
        "width = scores.shape[1] if scores.ndim == 2 else 1",
        "there is at least one class anyway",
    ),
    (
        METRICS,
        "f1 = 2 * hits / np.maximum(predicted + true, 1)",
        "f1 = 2 * hits / np.maximum(predicted + true, 2)",
        "where the sum is 1, there are no hits",
    ),
    (
        METRICS,
        "return array.reshape(-1)",
        "return array.reshape(-2)",
        OPEN_SIZE,
    ),
    (
        SUMMARY,
        "left = [text.ljust(width) for text, width in zip(line[:3], widths[:3], strict=True)]",
        "left = [text.ljust(width) for text, width in zip(line[:3], widths[:3], strict=False)]",
        AS_LONG,
    ),
    (
        SUMMARY,
        "right = [text.rjust(width) for text, width in zip(line[3:], widths[3:], strict=True)]",
        "right = [text.rjust(width) for text, width in zip(line[3:], widths[3:], strict=False)]",
        AS_LONG,
    ),
    (SUMMARY, 'rule = "─" * len(lines[0])', 'rule = "─" * len(lines[1])', AS_LONG),
    (
        SUMMARY,
        'size, units = float(count), iter(("B", "kB", "MB", "GB"))',
        'size, units = (count), iter(("B", "kB", "MB", "GB"))',
        "a count divided by 1000 is a float anyway",
    ),
    (
        DATASETS,
        "x = centers[cloud] + generator.normal(0.0, noise, (n_samples, 2))",
        "x = centers[cloud] - generator.normal(0.0, noise, (n_samples, 2))",
        EITHER_SIGN,
    ),
    (
        DATASETS,
        "return middles[y] + generator.normal(0.0, cluster_std, (n_samples, middles.shape[1])), y",
        "return middles[y] - generator.normal(0.0, cluster_std, (n_samples, middles.shape[1])), y",
        EITHER_SIGN,
    ),
    (
        DATASETS,
        "x = x + generator.normal(0.0, noise, x.shape)",
        "x = x - generator.normal(0.0, noise, x.shape)",
        EITHER_SIGN,
    ),
    (
        SAVING,
        "np.lib.format.write_array(member, array, allow_pickle=False)",
        "np.lib.format.write_array(member, array, allow_pickle=True)",
        "an array of objects has no checksum, and does not come as far",
    ),
    (
        SAVING,
        "return memoryview(array.reshape(-1).view(np.uint8).data)",
        "return memoryview(array.reshape(-2).view(np.uint8).data)",
        OPEN_SIZE,
    ),
    (
        SAVING,
        'position, buffered = state["bits"]["state"].get("pos", 0), state["bits"].get("buffer_pos", 0)',
        'position, buffered = state["bits"]["state"].get("pos", 1), state["bits"].get("buffer_pos", 0)',
        "any position inside the range passes where there is none",
    ),
    (
        SAVING,
        'position, buffered = state["bits"]["state"].get("pos", 0), state["bits"].get("buffer_pos", 0)',
        'position, buffered = state["bits"]["state"].get("pos", 0), state["bits"].get("buffer_pos", 1)',
        "any position inside the range passes where there is none",
    ),
    (SAVING, "stacklevel=2,", "stacklevel=3,", "both are lines of minidl, which is all that the warning can name"),
    (SAVING, "return np.random.default_rng(0)", "return np.random.default_rng(1)", "its state is replaced at the end"),
    (
        SAVING,
        "sizes = sorted(size for size in arguments.values() if type(size) is int and size > 0)",
        "sizes = sorted(size for size in arguments.values() if type(size) is int and size > 1)",
        "a factor of 1 changes no product",
    ),
    (
        DATA,
        "if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):",
        "if (np.ma.is_masked(values)):",
        "nothing else is masked; the question before is faster",
    ),
    (DATA, SHARE, SHARE.replace("0.0 <", "0.0 <="), "a share of 0 leaves nothing, as the next line says"),
    (DATA, SHARE, SHARE.replace("< 1.0", "<= 1.0"), "a share of 1 leaves nothing, as the next line says"),
    (DATA, SHARE, SHARE.replace("< 1.0", "< 2.0"), "a share above 1 leaves nothing, as the next line says"),
    (f"{TRAINING}/callbacks", GAP, "if len(values) <= (run.epoch - 1):", NO_GAP),
    (f"{TRAINING}/callbacks", GAP, "if len(values) < run.epoch:", NO_GAP),
    (f"{TRAINING}/callbacks", GAP, "if len(values) < run.epoch + 1:", NO_GAP),
    (
        f"{TRAINING}/run",
        "if not isfinite(self.loss + grad.dot(grad)):",
        "if not isfinite(self.loss - grad.dot(grad)):",
        "where one of two numbers is not finite, neither is their difference",
    ),
    (
        f"{TRAINING}/checkpoint",
        "with self.run.model.training_as(True):",
        "with self.run.model.training_as(False):",
        "only what it does at the end is wanted: everything is in training as it was",
    ),
    (f"{TRAINING}/trainer", "share = len(part[0]) / len(x)", "share = len(part[1]) / len(x)", AS_LONG),
    (
        LOSSES,
        "return float(ones(z.size, z.dtype).dot(loss.ravel())) / z.size",
        "return float(loss.ravel().dot(ones(z.size, z.dtype))) / z.size",
        EITHER_WAY,
    ),
    (
        LOSSES,
        "loss = -float(ones(n, z.dtype).dot(z[rows, target]) / n)",
        "loss = -float(z[rows, target].dot(ones(n, z.dtype)) / n)",
        EITHER_WAY,
    ),
    (
        PARAMETERS,
        "self.value = np.zeros(size, dtype)",
        "self.value = np.ones(size, dtype)",
        "whoever makes a memory fills it with values next",
    ),
    (
        PARAMETERS,
        "return zip(self.names, self.parameters, strict=True)",
        "return zip(self.names, self.parameters, strict=False)",
        AS_LONG,
    ),
    (PARAMETERS, "decay: bool = True", "decay: bool = False", "the constructor sets it"),
]
