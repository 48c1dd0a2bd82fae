"""The examples of the reference that need a package which the other tests do without."""

import doctest

import pytest

from tests.docs.conftest import DOCS
from tests.integrations.packages import real

real("keras")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_the_example_with_keras_runs() -> None:
    page = str(DOCS / "reference" / "keras.rst")
    result = doctest.testfile(page, module_relative=False, encoding="utf-8")
    assert (result.failed, result.attempted > 5) == (0, True)
