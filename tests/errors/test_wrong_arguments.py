"""Whatever is passed for an argument, the call works or raises an error that names the argument."""

from typing import Any

import numpy as np
import pytest

from minidl import MinidlError
from tests.errors.calls import CALLS, Call

WRONG: list[Any] = [None, "a", [], {}, object(), -1, np.nan, 10**400]
"""A newcomer's mistakes."""

OTHER_NAMES = {"validation": "held-out data", "borders": "a border", "resume_from": "PathLike", "path": "PathLike"}
"""What some messages call an argument."""

FROM_INSIDE = ("not supported between", "object has no attribute", "object is not subscriptable", "unsupported operand")
"""What Python says when a mistake is found far from where it was made."""


def message_of(call: Call, argument: str, wrong: Any) -> str | None:
    """The message of the error for a wrong argument, with its notes. None if the call works."""
    try:
        call.function(**{**call.arguments(), argument: wrong})
    except (MinidlError, TypeError, FileNotFoundError) as error:
        return "\n".join([str(error), *getattr(error, "__notes__", [])])
    return None


@pytest.mark.parametrize("call", CALLS, ids=[call.name for call in CALLS])
def test_a_wrong_argument_is_named(call: Call) -> None:
    call.function(**call.arguments())
    for argument in call.arguments():
        for wrong in WRONG:
            message = message_of(call, argument, wrong)
            if message is not None and "No such file" not in message:
                assert argument in message or OTHER_NAMES.get(argument, argument) in message
                assert not any(words in message for words in FROM_INSIDE), message
