"""What the report says about breaks that the tests did not notice."""

import pytest

from tests.mutation import __main__ as proof
from tests.mutation.breaks import Break, breaks
from tests.mutation.equivalents import Equivalent

FOUND = list(breaks("a/b.py", "def f(x):\n    return x + 1, x + 2"))
PLUS = [broken for broken in FOUND if broken.change == "+ -> -"]


@pytest.mark.parametrize(
    ("times", "survivors", "words", "rate"),
    [
        (2, PLUS, "", "100.0%"),
        (2, PLUS[:1], "but the tests notice 1 of them: remove it", "100.0%"),
        (1, [], "but the tests notice 1 of them: remove it", "100.0%"),
        (1, PLUS, "Unnoticed:\na/b.py:2 f: + -> -\n    - return x + 1, x + 2\n", "75.0%"),
    ],
)
def test_equivalents_count_as_often_as_they_are_declared(
    times: int,
    survivors: list[Break],
    words: str,
    rate: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "EQUIVALENT", [Equivalent("a", "f", "+ -> -", "because", times)])
    assert len(FOUND) == 8
    assert proof.report(FOUND, survivors, 1.0) == (rate != "100.0%")
    out = capsys.readouterr().out
    assert words in out
    assert ("remove it" in out) is ("remove it" in words)
    assert out.count(rate) == 2
