"""Presets of the view Networks."""

from __future__ import annotations

from typing import Any

from minidl.playground.presets.preset import Preset

__all__ = ["NETWORKS"]

XOR: dict[str, Any] = {"data": "xor", "noise": 0.25, "activation": "ReLU", "batch_size": 1000}
XOR |= {"optimizer": "Momentum", "lr": 0.1, "epochs": 400}
MOONS: dict[str, Any] = {"data": "moons", "noise": 0.15}
FEW: dict[str, Any] = {"data": "moons", "noise": 0.35, "samples": 60, "test_share": 0.5, "data_seed": 1}
FEW |= {"hidden": [16, 16], "activation": "ReLU", "optimizer": "Adam", "lr": 0.01, "batch_size": 1000, "epochs": 1000}

NETWORKS = (
    Preset(
        "xor",
        "networks",
        "XOR",
        "The signs of the two features differ in class 1, so no line separates the classes. Each of the four hidden "
        "units draws a line of its own, and the output adds up their votes.",
        "Which unit votes against class 1 in which corner? Point at the units to see.",
        "Unit 1 votes against class 1 at the lower left, and units 2 and 3 at the upper right. Unit 4 votes for it "
        "at the upper left. After 400 steps the loss is 0.005.",
        {"train_loss": [0.0, 0.02], "train_accuracy": [1.0, 1.0], "fate": None},
        "xor#what-four-units-learn",
        {**XOR, "hidden": [4]},
    ),
    Preset(
        "no_hidden",
        "networks",
        "A line is not enough",
        "Without a hidden layer, the network computes one weighted sum of its inputs. Its boundary is a line.",
        "What does the network predict everywhere, and why is the loss ln 2 = 0.693? Add a layer of four units.",
        "It predicts about ½ everywhere, which costs −ln ½ = ln 2 = 0.693 at every sample. With four units, the loss "
        "falls to 0.005.",
        {"train_loss": [0.68, 0.70], "train_accuracy": [0.4, 0.7], "fate": None},
        "xor#no-line-separates-it",
        {**XOR, "hidden": []},
    ),
    Preset(
        "two_units",
        "networks",
        "Two units are not enough",
        "Two ReLU units can solve XOR: by hand, one finds weights that do. Descent from these initial weights ends "
        "elsewhere.",
        "Of seeds 0 to 7, how many solve it with two units? And how many with four?",
        "The loss stays at 0.35, with one of the four clouds on the wrong side. Of the eight seeds, only 3 solves "
        "it. With four units, all but 2 and 6 do.",
        {"train_loss": [0.3, 0.4], "train_accuracy": [0.7, 0.9]},
        "xor#it-does-not-always-work",
        {**XOR, "hidden": [2], "seed": 0},
    ),
    Preset(
        "dead_relu",
        "networks",
        "A dead ReLU",
        "A rate of 30 is far too large: the first steps push all units below 0 for every sample. There a ReLU is flat, "
        "so its gradient is 0.",
        "Can the units ever come back? Reset, and use LeakyReLU instead.",
        "All eight units are dead after six steps. Their gradient is 0 at every sample, so they never come back, and "
        "the loss stays at 3.7. With LeakyReLU, it falls to 0.03.",
        {"train_loss": [3.0, 4.5], "train_accuracy": [0.4, 0.6], "fate": "All 8 units of hidden layer 1 are dead"},
        "diagnosis#dead-units",
        {**MOONS, "hidden": [8], "activation": "ReLU", "lr": 30.0, "batch_size": 1000, "epochs": 200, "seed": 2},
    ),
    Preset(
        "rate_too_large",
        "networks",
        "A rate too large",
        "Each step goes downhill, but at a rate of 30 it ends far up on the other side. The loss jumps up and down.",
        "At which rate does the loss fall smoothly? Try 10, 3 and 1.",
        "At 30, the loss is 9 after 300 steps, thirteen times what it was at first. At 10, the first steps overshoot "
        "to 3.1, though the loss ends lowest, at 0.0014. At 3 and 1, it falls smoothly, to 0.002 and 0.007.",
        {"train_loss": [2.0, 20.0], "train_accuracy": [0.5, 0.9], "fate": "the learning rate is too large"},
        "descent#one-direction",
        {"data": "xor", "noise": 0.25, "hidden": [4], "lr": 30.0, "batch_size": 1000, "epochs": 300},
    ),
    Preset(
        "vanishing",
        "networks",
        "Vanishing gradients",
        "The derivative of a sigmoid is at most 1/4, and eight layers multiply eight of them. Almost nothing of the "
        "gradient reaches the first layer.",
        "Compare the gradients of the first and the last layer. What changes with Tanh?",
        "The gradient of the first layer is 100,000 times smaller, and the loss stays at ln 2 = 0.693. With Tanh in "
        "place of Sigmoid, it falls to 0.001.",
        {"train_loss": [0.68, 0.70], "train_accuracy": [0.4, 0.6], "fate": "Gradients vanish"},
        "diagnosis#vanishing-gradients",
        {**MOONS, "hidden": [8] * 8, "activation": "Sigmoid", "initializer": "glorot_normal", "epochs": 300},
    ),
    Preset(
        "copies",
        "networks",
        "All weights 0",
        "Here all weights start at 0 instead of at random. All units compute the same, and get the same gradient.",
        "Why does nothing but the last bias ever change? Choose another initializer.",
        "All hidden outputs are 0, so the last weights get no gradient. The last weights are 0, so no gradient gets "
        "past them. With he_normal, the loss falls to 0.03.",
        {"train_loss": [0.68, 0.70], "train_accuracy": [0.4, 0.6], "fate": "copies of each other"},
        "diagnosis#copies",
        {**MOONS, "hidden": [8], "activation": "Tanh", "initializer": "zeros", "lr": 1.0, "epochs": 100},
    ),
    Preset(
        "overfitting",
        "networks",
        "Overfitting",
        "A network of 337 parameters bends its boundary around each of thirty noisy samples. What it learns about "
        "the noise does not hold for the held-out data, which are drawn hollow.",
        "From which epoch on does the held-out loss rise?",
        "The training loss falls below 0.001. The held-out loss is lowest, 0.49, after epoch 9, and then triples.",
        {"train_loss": [0.0, 0.001], "test_loss": [1.0, 2.5], "train_accuracy": [1.0, 1.0], "fate": "Overfitting"},
        "diagnosis#overfitting",
        FEW,
    ),
    Preset(
        "weight_decay",
        "networks",
        "A cure: weight decay",
        "The same network on the same thirty samples, but each step also pulls the weights towards 0. Small weights "
        "make a smooth boundary.",
        "Is dropout a cure, too? Set the weight decay to 0 and the dropout to 0.4.",
        "The held-out loss ends at 0.39 instead of 1.54, and the training loss at 0.18. Dropout alone is no cure "
        "here: with 0.4, the held-out loss ends at 2.1.",
        {"train_loss": [0.1, 0.3], "test_loss": [0.3, 0.45], "fate": None},
        "recipes#overfitting",
        {**FEW, "weight_decay": 0.02},
    ),
    Preset(
        "spirals",
        "networks",
        "Spirals",
        "Two intertwined spirals need a boundary with many bends. The first layer draws lines, and the second combines "
        "them to curves.",
        "How many units per layer are enough? Try 4 and 8.",
        "After 300 epochs, 16 units per layer reach a loss of 0.011, 8 units 0.054, and 4 units 0.36. With 8, 97 % "
        "of the training samples are classified correctly, with 4, 85 %.",
        {"train_loss": [0.0, 0.05], "test_loss": [0.0, 0.1], "train_accuracy": [0.98, 1.0]},
        "computes#what-it-computes-everywhere",
        {"data": "spirals", "noise": 0.02, "samples": 400, "hidden": [16, 16], "activation": "Tanh"}
        | {"optimizer": "Adam", "lr": 0.01, "batch_size": 32, "epochs": 300},
    ),
    Preset(
        "three_classes",
        "networks",
        "Three classes",
        "The network has an output for each class, and the class with the largest one is predicted. Without a hidden "
        "layer, each output is a weighted sum, so a line separates each pair of classes.",
        "Where do the three lines meet, and how probable is each class there? Set the classes to 6: which pairs still "
        "have a line?",
        "They meet in one point, where each class has the probability ⅓. With six classes, each class has a long line "
        "to its two neighbours. Where two other classes are equal, a third one is nearly everywhere more probable.",
        {"train_loss": [0.02, 0.03], "train_accuracy": [1.0, 1.0], "fate": None},
        "computes#from-a-number-to-a-class",
        {"data": "blobs", "classes": 3, "noise": 0.4, "samples": 300, "hidden": [], "epochs": 50},
    ),
)
