"""Files from before something was added load as before."""

import re
from pathlib import Path

from minidl import Dense, load, save
from tests.helpers import bits
from tests.saving.breaking import members_of, pack


def test_a_file_from_before_layers_could_be_frozen(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save(model := Dense(2, 1, rng=0), path)
    members = members_of(path.read_bytes())
    text, count = re.subn(rb',? *"frozen": \[\]', b"", members[0][1])
    assert count == 1
    path.write_bytes(pack([(members[0][0], text), *members[1:]]))
    loaded = load(path)
    assert bits(loaded.weight.value) == bits(model.weight.value)
    assert loaded.trainable
    assert loaded.weight.trainable
