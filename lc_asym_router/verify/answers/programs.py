"""Programs as answers: normalise code, so that equivalent programs are equal."""

from __future__ import annotations

import ast
import re
import warnings

from lc_asym_router._internal.imports import word_set

LONGEST = 20_000
"""Characters of a program that are read."""

_FENCE = re.compile(r"```([\w+#.-]*+)[^\n]{0,80}\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_BARE = re.compile(r"(?:from \w+ import |import \w+|(?:async )?def \w+\(|class \w+|@\w+|#!)")
_STRING = r"\"(?:[^\"\\\n]|\\.){0,400}+\"|'(?:[^'\\\n]|\\.){0,400}+'"
_ASSIGNS = re.compile(
    r"#\s?[Pp]ython\b[^\n]{0,200}\n|(?:#[^\n]{0,200}\n\s{0,9})?(?:[a-z]\w{0,60}_\w{0,60}|ans) = "
)
_COMMENT = re.compile(
    rf"{_STRING}|(/\*.*?(?:\*/|\Z)|//[^\n]*|(?<![\w#])#[^\n]*|--[^\n]*)",
    re.DOTALL,
)
_TOKEN = re.compile(rf"{_STRING}|\w+|[^\w\s]")
_PROSE = frozenset({""}) | word_set(
    "text txt plaintext output console json markdown md latex math tex"
)
_PYTHON = frozenset({"", "python", "py", "python3"})


def program_in(text: str) -> str | None:
    """The programs of an answer, normalised; `None` where it holds none.

    Python loses comments, docstrings and the names of what it defines itself; other languages lose
    comments and white space.
    """
    fences = [(language.lower(), body) for language, body in _FENCE.findall(text[: LONGEST * 3])]
    if not fences and _BARE.match(text.lstrip()):
        fences = [("python", text)]
    elif not fences and begins_bare(text):
        return _python(text, named=True) if len(text) <= LONGEST else None
    found = []
    for language, body in fences:
        if len(body) > LONGEST:
            continue
        python = _python(body, named=bool(language)) if language in _PYTHON else None
        if python is not None:
            found.append(python)
        elif language not in _PROSE and body.strip():
            found.append(" ".join(_TOKEN.findall(_without_comments(body))).removesuffix(" ;"))
    return "\n".join(found) if any(found) else None


def begins_bare(text: str) -> bool:
    """Whether a text may be a program without a fence; "ans = 18" alone is none."""
    start = text.lstrip()
    return bool(_BARE.match(start) or (_ASSIGNS.match(start) and "\n" in start.strip()))


def printed_in(text: str) -> str | None:
    """What a block at an answer's end holds that is no program: the output that it was asked for."""
    found = list(_FENCE.finditer(text))
    if not found or found[-1].group(1).lower() not in _PROSE or len(text) - found[-1].end() > 200:
        return None
    body = found[-1].group(2).strip()
    return body if body and len(body) <= 2000 else None


def without_programs(text: str) -> str:
    """A text without its fenced blocks."""
    return _FENCE.sub("\n", text)


def _without_comments(body: str) -> str:
    return _COMMENT.sub(lambda found: " " if found.group(1) else found.group(), body)


def _python(body: str, named: bool) -> str | None:
    """Python code as its tree, with its own names numbered; `None` where it is no program.

    Where it is not `named` as Python, "x = 5" is a formula.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not any(_does(node, named) for node in tree.body):
        return None
    try:
        return ast.dump(_Renamed(tree).visit(tree))
    except (RecursionError, ValueError, MemoryError):  # too deep, or a number of too many digits
        return None


def _does(node: ast.stmt, named: bool) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await)
    return named or not isinstance(node, ast.Assign | ast.AnnAssign)


class _Renamed(ast.NodeTransformer):
    """Numbers the names that a program binds, and drops its docstrings."""

    def __init__(self, tree: ast.AST) -> None:
        self.names: dict[str, str] = {}
        for node in ast.walk(tree):
            for name in _bound(node):
                self.names.setdefault(name, f"_{len(self.names)}")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self.names.get(node.arg, node.arg)
        node.annotation = None
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        # Of a function of its own, or of another: the name can't be told, but is the same in both.
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.Pass()
        return ast.Assign(targets=[node.target], value=node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._defined(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._defined(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._defined(node)

    def _defined(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if not isinstance(node, ast.ClassDef):
            node.returns = None
        self.generic_visit(node)
        return node


def _bound(node: ast.AST) -> list[str]:
    """The names that a node binds; those of imports stay as they are."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    return []
