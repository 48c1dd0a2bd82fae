"""Matplotlib's directive ``plot`` in Markdown, where it does not work by itself: it inserts reStructuredText."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils import new_document
from matplotlib.sphinxext.plot_directive import PlotDirective
from myst_parser.mocking import MockRSTParser, MockState
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)
COUNTER = "_plot_counter"


class Plot(PlotDirective):
    """Runs the code and shows what it draws; ``:alt:`` says in words what there is to see."""

    def run(self) -> list[nodes.Node]:
        if not isinstance(self.state, MockState):
            return super().run()
        source, line = self.state_machine.get_source_and_line(self.lineno)
        if not self.options.get("alt") and "nofigs" not in self.options:
            logger.warning("a plot needs :alt:, what there is to see in words", location=(source, line))
        page = self.state.document
        document = new_document(source, page.settings)
        document.reporter = page.reporter
        document[COUNTER] = page.get(COUNTER, 0)  # the pictures of a page are told apart by their number
        # What the code saves, such as an animation, lies beside the page, which can show it. Empty lines in front keep
        # the numbers of the lines in messages right.
        with chdir(Path(source).parent):
            MockRSTParser().parse("\n" * (self.lineno - 1) + self._as_rst(), document)
        page[COUNTER] = document[COUNTER]
        return document.children

    def _as_rst(self) -> str:
        options = [f":{name}: {_text(value)}" for name, value in self.options.items()]
        lines = [f".. plot:: {' '.join(self.arguments)}", *(f"   {line}" for line in [*options, "", *self.content])]
        return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """The value of an option as it is written."""
    if value is None:  # a flag
        return ""
    return " ".join(value) if isinstance(value, list) else str(value)


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("matplotlib.sphinxext.plot_directive")
    app.add_directive("plot", Plot, override=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
