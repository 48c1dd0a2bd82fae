"""Writes recurrent.json beside it with PyTorch, on the CPU in float64: ``python -m tests.golden.make_recurrent``.

It needs torch and NumPy (last run with torch 2.13.0) and nothing of this project. A case is a recurrent layer with the
names that PyTorch has for its parameters, on sequences of equal or different lengths. `tests.test_golden_recurrent`
turns the parameters into those of minidl.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

HERE = Path(__file__).parent
INPUTS, UNITS, STEPS = 3, 2, 5
LENGTHS = [3, 5, 1, 4]

rng = np.random.default_rng(0)


def numbers(*shape: int) -> Any:
    return torch.tensor(rng.normal(size=shape).round(3))


def case(kind: str, bidirectional: bool, lengths: list[int] | None, sequences: bool) -> dict[str, Any]:
    layer = getattr(nn, kind)(INPUTS, UNITS, batch_first=True, bidirectional=bidirectional, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(numbers(*parameter.shape))
    x = numbers(len(LENGTHS), STEPS, INPUTS).requires_grad_()
    given = x if lengths is None else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    every, last = layer(given)
    if sequences:
        y = every if lengths is None else pad_packed_sequence(every, batch_first=True, total_length=STEPS)[0]
    else:
        h = last[0] if kind == "LSTM" else last
        y = h.movedim(0, 1).flatten(1)  # both directions side by side
    grad = numbers(*y.shape)
    if sequences and lengths is not None:
        grad = grad * (torch.arange(STEPS) < torch.tensor(lengths)[:, None])[..., None]
    y.backward(grad)
    return {
        "kind": kind,
        "bidirectional": bidirectional,
        "lengths": lengths,
        "return_sequences": sequences,
        "parameters": {name: parameter.tolist() for name, parameter in layer.named_parameters()},
        "x": x.tolist(),
        "y": y.tolist(),
        "grad": grad.tolist(),
        "grad_x": x.grad.tolist(),
        "gradients": {name: parameter.grad.tolist() for name, parameter in layer.named_parameters()},
    }


if __name__ == "__main__":
    rows = product(("RNN", "LSTM", "GRU"), (False, True), (None, LENGTHS), (True, False))
    cases = [case(*row) for row in rows]
    (HERE / "recurrent.json").write_text(json.dumps(cases) + "\n", encoding="utf-8")
