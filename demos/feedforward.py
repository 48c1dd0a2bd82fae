"""Q1: the forward pass of a network with one hidden layer of ReLU units.

python demos/feedforward.py [--out DIR] [--show]
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading

from minidl import Dense, ReLU, Sequential, Sigmoid
from minidl.plotting import plot_network
from minidl.typing import Array, ArrayLike

W = np.array([[1.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.5, 1.0]])  # row i leads from input i to the four hidden units
B = np.array([0.0, 0.0, 1.0, 0.0])
V = np.array([[1.0], [0.0], [-1.0], [1.0]])
C = np.array([1.0])
SAMPLES = np.array([[1.0, -1.0], [0.0, -1.0], [0.0, 1.0]])


def network(W: ArrayLike, b: ArrayLike, V: ArrayLike, c: ArrayLike) -> Sequential:
    """Build the network of the assignment with the given weights."""
    hidden = Dense(*np.shape(W))
    hidden.weight.value, hidden.bias.value = W, b
    output = Dense(*np.shape(V))
    output.weight.value, output.bias.value = V, c
    return Sequential(hidden, ReLU(), output, Sigmoid())


def ff_nn__ReLu(x: ArrayLike, W: ArrayLike, b: ArrayLike, V: ArrayLike, c: ArrayLike) -> Array:  # noqa: N802  (as the assignment names it)
    """The probability of class 1, ``ŷ = σ(max(0, x W + b) V + c)``, for each sample.

    Shapes    x (n, inputs)   W (inputs, hidden)   b (hidden,)   V (hidden, 1)   c (1,)   ŷ (n, 1)

    The assignment asks for this name.
    """
    return network(W, b, V, c).predict(x)


def main() -> None:
    pictures = Pictures("Q1: the forward pass of a ReLU network")
    model = network(W, B, V, C)

    heading("Q1.1", "The network: 2 inputs, one hidden layer of 4 ReLU units, 1 sigmoid output")
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    plot_network(model, ax=ax)
    pictures.save(figure, "network.png")

    heading("Q1.2", "Its output as equations, one sample per row of x")
    print("   a = x W + b       inputs of the hidden units        (n, 4)")
    print("   h = max(0, a)     their outputs, by ReLU            (n, 4)")
    print("   o = h V + c       input of the output unit          (n, 1)")
    print("   ŷ = σ(o)          with σ(o) = 1 / (1 + e⁻ᵒ)         (n, 1)")
    hidden, relu, output, sigmoid = model
    a = hidden(SAMPLES)
    h = relu(a)
    o = output(h)
    print("\n       x             a = x W + b                 h = max(0, a)               o")
    for row in zip(SAMPLES, a, h, o, strict=True):
        x_text, a_text, h_text, o_text = (" ".join(f"{number:5.1f}" for number in numbers) for numbers in row)
        print(f"   {x_text}   {a_text}   {h_text}   {o_text}".rstrip())
    by_hand = sigmoid(o)

    heading("Q1.3", "The forward pass is a function: ff_nn__ReLu(x, W, b, V, c), in demos/feedforward.py")
    probabilities = ff_nn__ReLu(SAMPLES, W, B, V, C)
    difference = np.abs(probabilities - by_hand).max()
    print(f"   Largest difference from the steps of Q1.2: {difference:.1g}")

    heading("Q1.4", "The class probabilities of the three samples")
    print("   sample        P(class 1) = ŷ       P(class 0) = 1 − ŷ   predicted class")
    for x, p in zip(SAMPLES, probabilities[:, 0], strict=True):
        print(f"   ({x[0]:2.0f}, {x[1]:2.0f})      {p:.16f}   {1 - p:.16f}   {int(p > 0.5)}")
    print("   The second and the third are equal: their hidden units differ, but o = 0.5 for both.")
    pictures.finish()


if __name__ == "__main__":
    main()
