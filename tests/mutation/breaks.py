"""All the ways in which a file can be broken by one change."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

SWAPPED: dict[type[ast.AST], list[str]] = {
    ast.Add: ["-"],
    ast.Sub: ["+"],
    ast.Mult: ["/"],
    ast.Div: ["*"],
    ast.FloorDiv: ["*"],
    ast.Mod: ["*"],
    ast.Pow: ["*"],
    ast.BitOr: ["&"],
    ast.BitAnd: ["|"],
    ast.And: ["or"],
    ast.Or: ["and"],
    ast.Gt: [">=", "<"],
    ast.GtE: [">", "<="],
    ast.Lt: ["<=", ">"],
    ast.LtE: ["<", ">="],
    ast.Eq: ["!="],
    ast.NotEq: ["=="],
    ast.Is: ["is not"],
    ast.IsNot: ["is"],
    ast.In: ["not in"],
    ast.NotIn: ["in"],
}
SIGNS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<=", ast.Eq: "==", ast.NotEq: "!="}
RENAMED = {"maximum": "minimum", "max": "min", "any": "all", "zeros": "ones", "log1p": "log", "sum": "mean"}
RENAMED |= {new: old for old, new in RENAMED.items()} | {"zeros_like": "ones_like", "ones_like": "zeros_like"}
DROPPED = {"abs", "exp", "log", "log1p", "sqrt", "tanh", "float", "reversed"}
UNTOUCHED = {"annotation", "returns", "decorator_list"}

Code = ast.expr | ast.stmt


class Break(NamedTuple):
    """A file with one change; `before` and `after` are the lines concerned."""

    path: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}\n    - {self.before}\n    + {self.after}"


def breaks(path: str, source: str) -> Iterator[Break]:
    """All breaks of the classes and functions of a source text.

    >>> [found.after for found in breaks("a.py", "def f(x):\\n    return x.sum() > 0")]
    ['return x.sum() >= 0', 'return x.sum() < 0', 'return x.mean() > 0', 'return x.sum() > 1']
    """
    text, seen = source.encode(), {source.encode()}
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for top in ast.parse(source).body:
        for node in walk(top) if isinstance(top, ast.ClassDef | ast.FunctionDef) else ():
            for place, new in changes(node):
                first, last = place.lineno - 1, (place.end_lineno or place.lineno) - 1
                start, end = starts[first] + place.col_offset, starts[last] + (place.end_col_offset or 0)
                broken = text[:start] + new.encode() + text[end:]
                if broken not in seen:
                    seen.add(broken)
                    tail = len(text) - starts[last + 1]
                    lines = text[starts[first] : starts[last + 1]], broken[starts[first] : len(broken) - tail]
                    before, after = (" ".join(part.decode().split()) for part in lines)
                    yield Break(path, first + 1, before, after, broken.decode())


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """The node and everything in it that may be broken: no docstring, no message, no annotation."""
    yield node
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            message = isinstance(child, ast.Raise | ast.JoinedStr)
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and field not in UNTOUCHED and not message and not docstring:
                yield from walk(child)


def changes(node: ast.AST) -> Iterator[tuple[Code, str]]:
    """Pairs of a piece of code and what may stand in its place."""
    match node:
        case ast.BinOp(left, op, right) | ast.Compare(left, [op], [right]):
            for new in SWAPPED.get(type(op), ()):
                yield node, f"{inner(left)} {new} {inner(right)}"
            if isinstance(op, ast.MatMult):
                yield node, f"{inner(right)} @ {inner(left)}"
            if isinstance(node, ast.BinOp):
                yield node, inner(left)
                yield node, inner(right)
        case ast.Compare(left, ops, rights):
            signs = [SIGNS[type(op)] for op in ops]
            for index, op in enumerate(ops):
                for new in SWAPPED[type(op)]:
                    chain = zip([*signs[:index], new, *signs[index + 1 :]], rights, strict=True)
                    yield node, " ".join([inner(left), *(f"{sign} {inner(right)}" for sign, right in chain)])
        case ast.BoolOp(op, values):
            sign, other = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
            yield node, f"({f' {other} '.join(map(inner, values))})"
            for out in range(len(values)):
                yield node, f"({f' {sign} '.join(inner(value) for i, value in enumerate(values) if i != out)})"
        case ast.UnaryOp(_, operand):
            yield node, inner(operand)
        case ast.Constant(bool(value)):
            yield node, str(not value)
        case ast.Constant(int(value) | float(value)):
            yield node, str(value + 1)
        case ast.Attribute(value, "T"):
            yield node, inner(value)
        case ast.Call():
            yield from calls(node)
        case ast.If(test):
            yield test, f"not ({ast.unparse(test)})"
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield test, f"(not ({ast.unparse(test)}))"
        case ast.IfExp(test, body, orelse):
            yield node, f"{inner(orelse)} if {inner(test)} else {inner(body)}"
        case ast.AugAssign(target, op, value):
            for new in SWAPPED[type(op)]:
                yield node, f"{ast.unparse(target)} {new}= {ast.unparse(value)}"
            yield node, "pass"
        case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.Expr(ast.Call()):
            yield node, "pass"


def calls(node: ast.Call) -> Iterator[tuple[Code, str]]:
    """Another function, the argument alone, or a matrix product the other way round."""
    function, arguments = node.func, [ast.unparse(argument) for argument in node.args]
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in RENAMED and isinstance(function, ast.Attribute):
        yield function, f"{inner(function.value)}.{RENAMED[name]}"
    elif name in RENAMED:
        yield function, RENAMED[name]
    if name in DROPPED and len(arguments) == 1:
        yield node, f"({arguments[0]})"
    if isinstance(function, ast.Attribute) and name in ("dot", "vdot"):
        of = ast.unparse(function.value)
        keywords = [ast.unparse(keyword) for keyword in node.keywords]
        if of == "np":
            yield node, f"np.{name}({', '.join([arguments[1], arguments[0], *arguments[2:], *keywords])})"
        elif arguments[0] != of:
            yield node, f"{inner(node.args[0])}.dot({', '.join([of, *arguments[1:], *keywords])})"


def inner(node: ast.expr) -> str:
    """The code of a part of an expression, in brackets unless it holds together without."""
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript) else f"({text})"
