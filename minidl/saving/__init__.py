"""Files: models, and all that a run needs to go on."""

from minidl.saving.generators import generator_state, holders_of, load_states, states_of
from minidl.saving.models import (
    Content,
    checksum,
    encoded,
    load,
    load_model_state,
    model_content,
    model_state,
    save,
    write_content,
)

__all__ = [
    "Content",
    "checksum",
    "encoded",
    "generator_state",
    "holders_of",
    "load",
    "load_model_state",
    "load_states",
    "model_content",
    "model_state",
    "save",
    "states_of",
    "write_content",
]
