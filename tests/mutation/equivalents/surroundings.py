"""In what stands around them: initial values, data, files and the training loop."""

from tests.mutation.equivalents.reasons import AS_LONG, OPEN_SIZE

INITIALIZERS, SCHEDULES, METRICS = "minidl/initializers", "minidl/schedules", "minidl/metrics"
DATASETS, SUMMARY = "minidl/datasets", "minidl/modules/summary"
SAVING = "minidl/saving"
PARAMETERS = "minidl/parameters"
DATA, TRAINING = "minidl/data", "minidl/training"
SHARE = "count = round(share * len(x)) if 0.0 < share < 1.0 else 0"
GAP, NO_GAP = "if len(values) < run.epoch - 1:", "a list times 0 or less is empty"
FATE, MINIMIZE = "minidl/training/fate", "minidl/training/minimize"
FINITE = "return value if isfinite(value + grad.dot(grad)) and np.isfinite(parameters.value).all() else inf"
AS_A_FLOAT = "NumPy's float does as well here; Python's is faster"
PATHS = "minidl/plotting/paths"
ENTER = "enter = np.where(parallel, np.where(between, 0.0, 1.0), np.minimum(to_low, to_high)).max(axis=1, initial=0.0)"
LEAVE = "leave = np.where(parallel, np.where(between, 1.0, 0.0), np.maximum(to_low, to_high)).min(axis=1, initial=1.0)"
GOES_ON = "goes_on = (np.diff(kept) == 1) & (leave[:-1, 0] == 1.0) & (enter[1:, 0] == 0.0)"
SAME_POINT = "a step's end is the next one's start: in the box, seen from both, but for rounding"
EITHER_SIGN = "noise is as likely as its opposite"

EQUIVALENT: list[tuple[str, str, str, str]] = [
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
    (
        PATHS,
        "return np.asarray(((points >= low) & (points <= high)).all(axis=-1))",
        "return np.asarray(((points >= low) & (points <= high)).all(axis=1))",
        "of (n, 2) the last axis is axis 1",
    ),
    (PATHS, ENTER, ENTER.replace("0.0, 1.0", "0.0, 2.0"), "who enters at the end or after it never does"),
    (PATHS, LEAVE, LEAVE.replace("1.0, 0.0", "2.0, 0.0"), "the least is taken of these and the initial 1"),
    (
        PATHS,
        LEAVE,
        LEAVE.replace("1.0, 0.0", "1.0, 1.0"),
        "who leaves at the end or after it, but enters there, is out",
    ),
    (PATHS, GOES_ON, "goes_on = ((np.diff(kept) == 1) & (leave[:-1, 0] == 1.0))", SAME_POINT),
    (PATHS, GOES_ON, "goes_on = (np.diff(kept) == 1) & (enter[1:, 0] == 0.0)", SAME_POINT),
    (FATE, "self.distances.append(float(away.dot(away)))", "self.distances.append((away.dot(away)))", AS_A_FLOAT),
    (FATE, "flat = 1e-5 * float(np.abs(eigenvalues).max())", "flat = 1e-5 * (np.abs(eigenvalues).max())", AS_A_FLOAT),
    (
        FATE,
        "if not isfinite(self.distances[-1]) and not np.isfinite(self.theta).all():",
        "if ((not np.isfinite(self.theta).all())):",
        "from parameters that are not finite no distance is; the question before is faster",
    ),
    (
        FATE,
        "if period > 1 and not odd and self.distances[-1] <= self.cycle_tolerance**2 and self.still < period:",
        "if ((period > 1) and (not odd) and (self.still < period)):",
        "that distance is among the errors looked at next; the question before is faster",
    ),
    (
        MINIMIZE,
        FINITE,
        FINITE.replace("value + grad", "value - grad"),
        "where one of two numbers is not finite, neither is their difference",
    ),
    (MINIMIZE, FINITE, FINITE.replace("value + grad", "grad"), "a value that is not finite is then given as it is"),
    ("minidl/modules/layer", "if len(x) > size:", "if len(x) >= size:", "a copy of the only part is the same"),
    (
        "minidl/modules/objective",
        "for module, before in zip(modules, kept, strict=True):",
        "for module, before in zip(modules, kept, strict=False):",
        AS_LONG,
    ),
    (
        "minidl/plotting/schedule",
        "ax.set_ylim(bottom=min(0.0, *(float(rates.min()) for rates in curves.values())))",
        "ax.set_ylim(bottom=min(0.0, *((rates.min()) for rates in curves.values())))",
        "matplotlib takes NumPy's numbers, type checkers do not",
    ),
    (
        "minidl/plotting/schedule",
        "label=label or None,",
        "label=(label),",
        "matplotlib gives a line without a label one of its own, whether the label is empty or None",
    ),
]
