"""The source stays within the budgets of the design, and what counts as a line of code."""

import ast
import textwrap

from tests.budgets import body, budgets, code_lines, definition, span

SOURCE = textwrap.dedent(
    '''\
    """A module.

    # Part of the docstring.
    """

    # A comment.
    import os  # code


    @decorated(
        "twice",
    )
    class Example:
        """A class with an attribute."""

        rate: float = 0.1
        """The docstring
        of an attribute."""

        def method(
            self,  # an argument
        ) -> str:
            """Return a text."""
            text = """not a docstring

            # nor a comment
            """
            return (
                text
                # a comment in an expression
                + f"""{self.rate}
                more"""
            )

        def short(self): "A docstring beside code."
    '''
)

CODE = [
    "import os  # code",
    "@decorated(",
    '"twice",',
    ")",
    "class Example:",
    "rate: float = 0.1",
    "def method(",
    "self,  # an argument",
    ") -> str:",
    'text = """not a docstring',
    "# nor a comment",
    '"""',
    "return (",
    "text",
    '+ f"""{self.rate}',
    'more"""',
    ")",
    'def short(self): "A docstring beside code."',
]


def test_docstrings_comments_and_blank_lines_do_not_count() -> None:
    lines = SOURCE.splitlines()
    assert [lines[number - 1].strip() for number in sorted(code_lines(SOURCE))] == CODE


def test_a_definition_spans_its_decorators_and_its_body_comes_after_the_signature() -> None:
    tree, lines = ast.parse(SOURCE), code_lines(SOURCE)
    example, method = definition(tree, "Example"), definition(tree, "Example.method")
    assert example is not None
    assert method is not None
    assert len(lines.intersection(span(example))) == len(CODE) - 1
    assert len(lines.intersection(span(method))) == 11
    assert len(lines.intersection(body(method))) == 8
    assert definition(tree, "Example.absent") is None
    assert definition(tree, "Absent.method") is None


def test_what_has_a_budget_is_found_except_for_layers_to_come() -> None:
    absent = {row.name for row in budgets() if not row.lines}
    assert absent <= {"layers.Conv2D", "layers.SelfAttention", "layers.LSTM"}


def test_the_budgets_hold() -> None:
    assert [row for row in budgets() if not row.holds] == []
