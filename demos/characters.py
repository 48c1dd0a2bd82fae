"""Language models of characters: an LSTM, a GRU and a small GPT learn the same novel.

python demos/characters.py [--quick] [--out DIR] [--show]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from common import Pictures, heading

from minidl import (
    GRU,
    LSTM,
    RNN,
    AdamW,
    Callback,
    CrossEntropyLoss,
    Dense,
    Embedding,
    Layer,
    LayerNorm,
    PositionEmbedding,
    ProgressBar,
    Run,
    Schedule,
    SelfAttention,
    Sequential,
    Trainer,
    TransformerBlock,
    Vocabulary,
    generate,
    load_text,
    windows,
)
from minidl.modules import training_as
from minidl.plotting import style
from minidl.plotting.style import look
from minidl.schedules import one_cycle
from minidl.typing import Array

LENGTH, BATCH = 128, 16
FEATURES, HEADS, BLOCKS = 64, 4, 3
PROMPT, TEMPERATURE = "Anne ", 0.7
SHOWN = 24
"""How many characters the attention maps show."""


class Setting(NamedTuple):
    """How many characters of the novel are used, and how often they are read."""

    characters: int | None
    epochs: int


FULL, QUICK = Setting(None, 10), Setting(100_000, 5)


class Entrant(NamedTuple):
    """A model, as a function of the vocabulary's size, and its learning rate."""

    make: Callable[[int], Sequential]
    lr: float


def recurrent(layer: Callable[..., Layer], units: int) -> Callable[[int], Sequential]:
    """A recurrent layer between an embedding and scores."""

    def make(size: int) -> Sequential:
        states = layer(FEATURES, units, return_sequences=True)
        return Sequential(Embedding(size, FEATURES), states, Dense(units, size), rng=0, dtype=np.float32)

    return make


def gpt(size: int) -> Sequential:
    """Causal attention: each character looks at itself and at those before it."""
    return Sequential(
        Embedding(size, FEATURES),
        PositionEmbedding(LENGTH, FEATURES),
        *(TransformerBlock(FEATURES, HEADS, causal=True) for _ in range(BLOCKS)),
        LayerNorm(FEATURES),
        Dense(FEATURES, size),
        rng=0,
        dtype=np.float32,
    )


ENTRANTS = {
    "LSTM": Entrant(recurrent(LSTM, 160), 0.02),
    "GRU": Entrant(recurrent(GRU, 192), 0.01),
    "GPT": Entrant(gpt, 0.01),
}


class Samples(Callback):
    """Lets the model continue the prompt after some epochs.

    Args:
        vocabulary: turns ids into text.
        epochs: after how many epochs.
    """

    def __init__(self, vocabulary: Vocabulary, epochs: list[int]) -> None:
        self.vocabulary, self.epochs = vocabulary, epochs
        self.texts: list[str] = []

    def on_epoch_end(self, run: Run) -> None:
        if run.epoch in self.epochs:
            assert isinstance(run.model, Layer)
            prompt = self.vocabulary.encode(PROMPT)
            ids = generate(run.model, prompt, LENGTH + 1 - len(prompt), temperature=TEMPERATURE, rng=0)
            self.texts.append(PROMPT + self.vocabulary.decode(ids))


class Result(NamedTuple):
    """A trained model, its losses on the held-out text after each epoch, its samples, and how long it took."""

    model: Sequential
    losses: list[float]
    texts: list[str]
    seconds: float


def train(name: str, vocabulary: Vocabulary, ids: Array, held: Array, epochs: int, moments: list[int]) -> Result:
    """Train with AdamW, gradients of a norm of at most 1, and a learning rate that rises and falls once."""
    entrant = ENTRANTS[name]
    model = entrant.make(len(vocabulary))
    x, y = windows(ids, LENGTH, stride=LENGTH)
    steps = epochs * -(-len(x) // BATCH)
    samples = Samples(vocabulary, moments)
    trainer = Trainer(
        model,
        CrossEntropyLoss(),
        AdamW(model.parameters(), lr=entrant.lr).clip(norm=1.0),
        callbacks=[Schedule(one_cycle(steps)), samples, ProgressBar(f"   {name}", show=sys.stderr.isatty())],
    )
    begin = perf_counter()
    validation = windows(held, LENGTH, stride=LENGTH)
    history = trainer.fit(x, y, epochs=epochs, batch_size=BATCH, validation=validation, rng=0)
    return Result(model, history.epochs["validation_loss"], samples.texts, perf_counter() - begin)


def table_losses(ids: Array, held: Array, size: int) -> dict[str, float]:
    """The loss on the held-out text of three models that only count, in nats per character."""
    single = np.bincount(ids, minlength=size) + 1.0
    pairs = np.bincount(ids[:-1] * size + ids[1:], minlength=size * size).reshape(size, size) + 0.1
    after = pairs / pairs.sum(axis=1, keepdims=True)
    return {
        "all characters alike": float(np.log(size)),
        "frequencies of characters": float(-np.log(single / single.sum())[held[1:]].mean()),
        "frequencies of pairs": float(-np.log(after)[held[:-1], held[1:]].mean()),
    }


def gradient_over_time(model: Sequential, x: Array, y: Array) -> Array:
    """How strongly the loss at the last character depends on the vector of each character, (t,).

    That is the norm of the gradient, averaged over windows, as a share of its largest value.
    """
    loss = CrossEntropyLoss()
    with training_as(False):
        scores = model.forward(x)
    loss.forward(scores[:, -1], y[:, -1])
    grad = np.zeros_like(scores)
    grad[:, -1] = loss.backward()
    for layer in reversed(list(model)[1:]):  # down to what the embedding returned
        grad = layer.backward(grad)
    sizes = np.sqrt((grad.astype(np.float64) ** 2).sum(axis=-1)).mean(axis=0)
    return np.asarray(sizes / sizes.max())


def attention_maps(model: Sequential, x: Array) -> Array:
    """A of one window in each block and head, (blocks, heads, t, t)."""
    model.predict(x[None])
    return np.stack([module.attention[0] for _, module in model.modules() if isinstance(module, SelfAttention)])


def draw_losses(pictures: Pictures, results: dict[str, Result], tables: dict[str, float], characters: int) -> None:
    """Draw the loss on the held-out text against the number of characters read."""
    with style():
        figure, ax = plt.subplots(figsize=(7.5, 4.2))
        for index, (name, result) in enumerate(results.items()):
            color, dashes, marker = look(index)
            seen = characters / 1e6 * np.arange(1, len(result.losses) + 1)
            ax.plot(seen, result.losses, color=color, linestyle=dashes, marker=marker, label=name)
        pairs = tables["frequencies of pairs"]
        ax.axhline(pairs, color="0.6", linewidth=1)
        ax.annotate("frequencies of pairs", (1, pairs), (-4, 4), ("axes fraction", "data"), "offset points", ha="right")
        ax.set(xlabel="characters read (millions)", ylabel="held-out loss (nats per character)")
        ax.legend()
    pictures.save(figure, "characters_losses.png")


def draw_gradients(pictures: Pictures, before: dict[str, Array], after: dict[str, Array]) -> None:
    """Draw the gradient over time of models before and after training."""
    with style():
        figure, axes = plt.subplots(1, 2, figsize=(10, 4.0), sharey=True, layout="constrained")
        for ax, sizes, title in zip(axes, (before, after), ("before training", "after training"), strict=True):
            for index, (name, values) in enumerate(sizes.items()):
                color, dashes, _ = look(index)
                back = np.arange(len(values))[::-1]
                ax.plot(back, np.maximum(values, 1e-12), color=color, linestyle=dashes, label=name)
            ax.set(yscale="log", xlabel="distance in characters", title=title)
        axes[0].set_ylabel("relative gradient of the last loss")
        axes[0].legend()
    pictures.save(figure, "characters_gradients.png")


def draw_attention(pictures: Pictures, maps: Array, text: str) -> None:
    """Draw where each of the first characters of a window looks, for each block and head."""
    labels = [{" ": "␣", "\n": "⏎"}.get(character, character) for character in text[:SHOWN]]
    with style():
        figure, axes = plt.subplots(*maps.shape[:2], figsize=(12, 9.4), layout="constrained")
        for (block, head), ax in np.ndenumerate(axes):
            # The root makes small shares visible.
            ax.imshow(np.sqrt(maps[block, head, :SHOWN, :SHOWN]), cmap="Blues", vmin=0, vmax=1)
            ax.set_title(f"block {block + 1}, head {head + 1}", fontsize=9)
            ax.set_xticks(range(SHOWN), labels, fontsize=7)
            ax.set_yticks(range(SHOWN), labels, fontsize=7)
            ax.tick_params(length=0, pad=1)
    pictures.save(figure, "characters_attention.png")


def show_text(text: str, indent: str = "      │ ") -> None:
    for line in text.splitlines():
        print(indent + line)


def main() -> None:
    pictures = Pictures("An LSTM, a GRU and a GPT learn a novel, character by character", quick=True)
    setting = QUICK if pictures.quick else FULL

    heading("1", "The text: Persuasion by Jane Austen (1818)")
    text = load_text()[: setting.characters]
    vocabulary = Vocabulary(text)
    ids = vocabulary.encode(text)
    cut = len(ids) * 9 // 10
    ids, held = ids[:cut], ids[cut:]
    print(f"   {len(ids):,} characters for training, the last {len(held):,} for testing, {len(vocabulary)} kinds")
    tables = table_losses(ids, held, len(vocabulary))
    for name, loss in tables.items():
        print(f"   {name:<26} {loss:.3f} nats per character")

    heading("2", f"Three models read it {setting.epochs} times, {BATCH} windows of {LENGTH} characters per step")
    moments = sorted({1, max(2, setting.epochs // 3), setting.epochs})
    untrained = {name: entrant.make(len(vocabulary)) for name, entrant in ENTRANTS.items()}
    results = {}
    epochs = "".join(f"{f'epoch {epoch}':>10}" for epoch in moments)
    print(f"   model  parameters  {epochs}   nats per character", flush=True)
    for name in ENTRANTS:
        results[name] = result = train(name, vocabulary, ids, held, setting.epochs, moments)
        losses = "".join(f"{result.losses[epoch - 1]:10.3f}" for epoch in moments)
        print(f"   {name:<6} {result.model.parameters().size:10,}  {losses}   {result.seconds:.0f} s", flush=True)
    draw_losses(pictures, results, tables, len(ids))

    heading("3", f"What they write after {PROMPT!r}, at a temperature of {TEMPERATURE}")
    for name, result in results.items():
        for epoch, sample in zip(moments, result.texts, strict=True):
            print(f"   {name} after epoch {epoch}, {result.losses[epoch - 1]:.3f} nats per character:")
            show_text(sample)

    heading("4", "Where the heads of the GPT look")
    x, y = windows(held, LENGTH, stride=LENGTH)
    maps = attention_maps(results["GPT"].model, x[0])
    back = np.arange(LENGTH)[:, None] - np.arange(LENGTH)
    print("   characters back, on average  " + "".join(f"{f'head {head + 1}':>8}" for head in range(HEADS)))
    for block, distances in enumerate((maps * back).sum(axis=-1).mean(axis=-1)):
        print(f"   block {block + 1:<22} " + "".join(f"{distance:8.1f}" for distance in distances))
    draw_attention(pictures, maps, vocabulary.decode(x[0]))

    heading("5", "The gradient over time: how much the loss at a character depends on those before it")
    few = x[:64], y[:64]
    plain = {"RNN": recurrent(RNN, 280)(len(vocabulary))}
    before = {name: gradient_over_time(model, *few) for name, model in {**untrained, **plain}.items()}
    after = {name: gradient_over_time(result.model, *few) for name, result in results.items()}
    distances = [0, 1, 5, 20, 60, LENGTH - 1]
    print("   characters back        " + "".join(f"{distance:>10}" for distance in distances))
    for title, sizes in (("before training", before), ("after training", after)):
        for name, values in sizes.items():
            print(f"   {name:<5} {title:<16} " + "".join(f"{values[-1 - distance]:10.1e}" for distance in distances))
    draw_gradients(pictures, before, after)
    pictures.finish()


if __name__ == "__main__":
    main()
