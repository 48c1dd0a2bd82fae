"""Files: models, and all that a run needs to go on."""

from minidl.saving.generators import generator_state, load_states, states_of
from minidl.saving.models import (
    Content,
    check_remaking,
    checksum,
    encoded,
    load,
    load_model_state,
    model_content,
    model_state,
    remade,
    save,
    write_content,
    written,
)

__all__ = [
    "Content",
    "check_remaking",
    "checksum",
    "encoded",
    "generator_state",
    "load",
    "load_model_state",
    "load_states",
    "model_content",
    "model_state",
    "remade",
    "save",
    "states_of",
    "write_content",
    "written",
]
