"""The demo of language models: its models, its measures, and what it prints and draws."""

import re

import numpy as np
import pytest

from minidl import CrossEntropyLoss, Vocabulary, load_text, windows
from minidl.differences import numerical_gradient
from minidl.modules import training_as
from tests.demos.conftest import ROOT, Demo, of_demo
from tests.demos.test_functions import load

TEXT = load_text()[:3000]
PAGES = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("demos.md", "learn/sequences.md")]
PICTURES = ["characters_attention.png", "characters_gradients.png", "characters_losses.png"]


def test_the_models_are_of_about_the_same_size() -> None:
    sizes = [entrant.make(75).parameters().size for entrant in load("characters").ENTRANTS.values()]
    assert max(sizes) < 1.06 * min(sizes)


def test_the_pages_quote_the_sizes_and_the_worth_of_counting() -> None:
    """The losses of the models take minutes to measure."""
    demo, vocabulary = load("characters"), Vocabulary(load_text())
    for page in PAGES:
        quoted = re.findall(r"^\| (LSTM|GRU|GPT)\b.*? \| (\d{3},\d{3}) \|", page, re.MULTILINE)
        sizes = {name: entrant.make(len(vocabulary)).parameters().size for name, entrant in demo.ENTRANTS.items()}
        assert quoted == [(name, f"{size:,}") for name, size in sizes.items()]
    ids = vocabulary.encode(load_text())
    cut = len(ids) * 9 // 10
    _, single, pairs = demo.table_losses(ids[:cut], ids[cut:], len(vocabulary)).values()
    sentence = f"single characters reach a loss of {single:.3f}, and those of pairs {pairs:.3f}"
    assert sentence in " ".join(PAGES[0].split())


def test_the_models_that_count_are_worth_what_they_should() -> None:
    """A text of which each half is the other: the losses are entropies, but for the pairs not seen."""
    ids = np.tile([0, 1, 0, 2], 500)
    found = load("characters").table_losses(ids, ids, 3)
    assert found["all characters alike"] == pytest.approx(np.log(3))
    assert found["frequencies of characters"] == pytest.approx(1.5 * np.log(2), rel=1e-2)  # 1/2, 1/4, 1/4
    assert found["frequencies of pairs"] == pytest.approx(0.5 * np.log(2), rel=1e-2)  # one in two is certain


@pytest.mark.long
@pytest.mark.parametrize("name", ["LSTM", "GRU", "GPT"])
def test_the_gradient_over_time_is_that_of_the_last_loss(name: str) -> None:
    demo, vocabulary = load("characters"), Vocabulary(TEXT)
    model = demo.ENTRANTS[name].make(len(vocabulary)).astype(np.float64)
    x, y = windows(vocabulary.encode(TEXT), 12, stride=2000)
    found = demo.gradient_over_time(model, x, y)
    assert found.shape == (12,)
    assert found.max() == 1.0
    embedding, *rest = list(model)

    def loss(vectors: np.ndarray) -> float:
        with training_as(False):
            for layer in rest:
                vectors = layer.forward(vectors)
        return CrossEntropyLoss().forward(vectors[:, -1], y[:, -1])

    vectors = embedding.forward(x)
    sizes = np.empty((len(x), 2))
    for k, position in enumerate((3, 11)):

        def moved(values: np.ndarray, position: int = position) -> float:
            copy = vectors.copy()
            copy[:, position] = values
            return loss(copy)

        grad = numerical_gradient(moved, vectors[:, position].copy())
        sizes[:, k] = np.sqrt((grad**2).sum(axis=-1))
    assert found[3] / found[11] == pytest.approx(sizes[:, 0].mean() / sizes[:, 1].mean(), rel=1e-6)


def test_heads_look_back_only() -> None:
    demo, vocabulary = load("characters"), Vocabulary(TEXT)
    model = demo.gpt(len(vocabulary))
    maps = demo.attention_maps(model, windows(vocabulary.encode(TEXT), demo.LENGTH)[0][0])
    assert maps.shape == (demo.BLOCKS, demo.HEADS, demo.LENGTH, demo.LENGTH)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
    assert not np.triu(maps, 1).any()


@pytest.mark.slow
@pytest.mark.long
@of_demo("characters --quick")
def test_what_is_printed_and_drawn(demo: Demo) -> None:
    assert not re.search(r"\b(nan|inf)\b", demo.text)
    assert sorted(path.name for path in demo.folder.iterdir()) == PICTURES
    (pairs,) = re.findall(r"frequencies of pairs +(\d\.\d+)", demo.text)
    rows = re.findall(r"^   (LSTM|GRU|GPT) +[\d,]+  ((?: +\d\.\d+)+)   \d+ s$", demo.text, re.MULTILINE)
    assert [name for name, _ in rows] == ["LSTM", "GRU", "GPT"]
    for name, losses in rows:
        values = [float(loss) for loss in losses.split()]
        assert values == sorted(values, reverse=True), name
        assert values[-1] < float(pairs) + 0.1, name
        assert len(re.findall(rf"^   {name} after epoch \d+, ", demo.text, re.MULTILINE)) == len(values) == 3
