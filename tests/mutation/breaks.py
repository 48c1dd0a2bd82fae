"""All the ways in which a file can be broken by one change."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

SIGNS = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@"}
SIGNS |= {"BitOr": "|", "BitAnd": "&", "BitXor": "^", "LShift": "<<", "RShift": ">>", "Invert": "~", "USub": "-"}
SIGNS |= {"And": "and", "Or": "or", "Not": "not", "Gt": ">", "GtE": ">=", "Lt": "<", "LtE": "<=", "Eq": "=="}
SIGNS |= {"NotEq": "!=", "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in"}
SWAPPED = {"+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "//": ["*"], "%": ["*"], "**": ["*"], "|": ["&"], "&": ["|"]}
SWAPPED |= {"and": ["or"], "or": ["and"], "==": ["!="], "!=": ["=="], "is": ["is not"], "is not": ["is"]}
SWAPPED |= {
    "in": ["not in"],
    "not in": ["in"],
    ">": [">=", "<"],
    ">=": [">", "<="],
    "<": ["<=", ">"],
    "<=": ["<", ">="],
}
RENAMED = {"maximum": "minimum", "max": "min", "any": "all", "zeros": "ones", "log1p": "log", "sum": "mean"}
RENAMED |= {new: old for old, new in RENAMED.items()} | {"zeros_like": "ones_like", "ones_like": "zeros_like"}
DROPPED = {"abs", "exp", "log", "log1p", "sqrt", "tanh", "float", "reversed"}
UNTOUCHED = {"annotation", "returns", "decorator_list"}
NEGATED = "if -> if not"
NO_LINE = "line dropped"

Change = tuple[ast.expr | ast.stmt, str, str]


class Break(NamedTuple):
    """A file with one change: `place` is its function, `change` its kind, `before` and `after` are the lines."""

    path: str
    line: int
    place: str
    change: str
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.place}: {self.change}\n    - {self.before}\n    + {self.after}"


def breaks(path: str, source: str) -> Iterator[Break]:
    """All breaks of the classes and functions of a source text.

    >>> for found in breaks("a.py", "class A:\\n    def f(x):\\n        return x.sum() > 0"):
    ...     print(found.place, found.change, found.after, sep=" | ")
    A.f | > -> >= | return x.sum() >= 0
    A.f | > -> < | return x.sum() < 0
    A.f | sum -> mean | return x.mean() > 0
    A.f | 0 -> 1 | return x.sum() > 1
    """
    text, seen = source.encode(), {source.encode()}
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for top in ast.parse(source).body:
        for place, node in walk(top, "") if isinstance(top, ast.ClassDef | ast.FunctionDef) else ():
            for old, new, change in changes(node):
                first, last = old.lineno - 1, (old.end_lineno or old.lineno) - 1
                start, end = starts[first] + old.col_offset, starts[last] + (old.end_col_offset or 0)
                broken = text[:start] + new.encode() + text[end:]
                if broken not in seen:
                    seen.add(broken)
                    tail = len(text) - starts[last + 1]
                    lines = text[starts[first] : starts[last + 1]], broken[starts[first] : len(broken) - tail]
                    before, after = (" ".join(part.decode().split()) for part in lines)
                    yield Break(path, first + 1, place, change, before, after, broken.decode())


def walk(node: ast.AST, place: str) -> Iterator[tuple[str, ast.AST]]:
    """The node and everything in it that may be broken, each with the qualified name of its function.

    Docstrings, messages and annotations are left out, and so is ``strict=True``, which guards against mistakes of ours.
    """
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        place = f"{place}.{node.name}".lstrip(".")
    yield place, node
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            message = isinstance(child, ast.Raise | ast.JoinedStr)
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            guard = isinstance(child, ast.keyword) and child.arg == "strict"
            if isinstance(child, ast.AST) and field not in UNTOUCHED and not (message or docstring or guard):
                yield from walk(child, place)


def changes(node: ast.AST) -> Iterator[Change]:
    """A piece of code, what may stand in its place, and the name of that kind of change."""
    match node:
        case ast.BinOp(left, op, right):
            sign = SIGNS[type(op).__name__]
            for new in SWAPPED.get(sign, ()):
                yield node, f"{inner(left)} {new} {inner(right)}", f"{sign} -> {new}"
            if sign == "@":
                yield node, f"{inner(right)} @ {inner(left)}", "a @ b -> b @ a"
            yield node, inner(left), f"a {sign} b -> a"
            yield node, inner(right), f"a {sign} b -> b"
        case ast.Compare(left, ops, rights):
            signs = [SIGNS[type(op).__name__] for op in ops]
            for index, sign in enumerate(signs):
                for new in SWAPPED.get(sign, ()):
                    chain = zip([*signs[:index], new, *signs[index + 1 :]], rights, strict=True)
                    code = " ".join([inner(left), *(f"{each} {inner(right)}" for each, right in chain)])
                    yield node, code, f"{sign} -> {new}"
        case ast.BoolOp(op, values):
            sign = SIGNS[type(op).__name__]
            other = SWAPPED[sign][0]
            yield node, f"({f' {other} '.join(map(inner, values))})", f"{sign} -> {other}"
            for out in range(len(values)):
                kept = f" {sign} ".join(inner(value) for i, value in enumerate(values) if i != out)
                yield node, f"({kept})", f"drop part {out + 1} of {sign}"
        case ast.UnaryOp(op, operand):
            yield node, inner(operand), f"drop {SIGNS[type(op).__name__]}"
        case ast.Constant(bool(value)):
            yield node, str(not value), f"{value} -> {not value}"
        case ast.Constant(int(value) | float(value)):
            yield node, str(value + 1), f"{value} -> {value + 1}"
        case ast.Attribute(value, "T"):
            yield node, inner(value), "drop T"
        case ast.Call():
            yield from calls(node)
        case ast.If(test):
            yield test, f"not ({ast.unparse(test)})", NEGATED
        case ast.comprehension(ifs=tests):
            for test in tests:
                yield test, f"(not ({ast.unparse(test)}))", NEGATED
        case ast.IfExp(test, body, orelse):
            yield node, f"{inner(orelse)} if {inner(test)} else {inner(body)}", NEGATED
        case ast.AugAssign(target, op, value):
            sign = SIGNS[type(op).__name__]
            for new in SWAPPED.get(sign, ()):
                yield node, f"{ast.unparse(target)} {new}= {ast.unparse(value)}", f"{sign}= -> {new}="
            yield node, "pass", NO_LINE
        case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.Expr(ast.Call()):
            yield node, "pass", NO_LINE


def calls(node: ast.Call) -> Iterator[Change]:
    """Another function, the argument alone, or a matrix product the other way round."""
    function, arguments = node.func, [ast.unparse(argument) for argument in node.args]
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in RENAMED:
        of = f"{inner(function.value)}." if isinstance(function, ast.Attribute) else ""
        yield function, f"{of}{RENAMED[name]}", f"{name} -> {RENAMED[name]}"
    if name in DROPPED and len(arguments) == 1:
        yield node, f"({arguments[0]})", f"drop {name}"
    if isinstance(function, ast.Attribute) and name in ("dot", "vdot"):
        of, turned = ast.unparse(function.value), "a.dot(b) -> b.dot(a)"
        keywords = [ast.unparse(keyword) for keyword in node.keywords]
        if of == "np":
            yield node, f"np.{name}({', '.join([arguments[1], arguments[0], *arguments[2:], *keywords])})", turned
        elif arguments[0] != of:
            yield node, f"{inner(node.args[0])}.dot({', '.join([of, *arguments[1:], *keywords])})", turned


def inner(node: ast.expr) -> str:
    """The code of a part of an expression, in brackets unless it holds together without."""
    text = ast.unparse(node)
    return text if isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript) else f"({text})"
