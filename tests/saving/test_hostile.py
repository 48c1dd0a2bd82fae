"""Damaged and forged files."""

import pytest

from tests.saving.breaking import MUTATIONS
from tests.saving.hostile import attack


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_no_file_loads_other_content(seed: int) -> None:
    outcomes = attack(250, seed)
    assert sum(outcomes.values()) == 250
    assert {kind for kind, _ in outcomes} >= MUTATIONS.keys() - {"bomb", "foreign file", "missing member", "pickle"}
    # What loads is what happens to be the same: a splice of nothing, a member put in its own place.
    assert sum(number for (_, outcome), number in outcomes.items() if outcome == "refused") > 240
