"""What a short program comes to, read node by node: nothing of it is ever executed.

The programs are those that models write to answer a question: assignments, arithmetic, dates, texts,
lists, conditions and loops, small functions. Whatever else one holds makes it unreadable, and so do too
many steps, too great numbers and too long texts.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lc_asym_router.verify.answers.evaluate_values import (
    FUNCTIONS,
    MODULES,
    Class,
    Instance,
    Method,
    attribute_of,
    calculated,
    called,
    compared,
    formatted,
    item_of,
    shown,
    size_of,
    sized,
)
from lc_asym_router.verify.answers.relative_dates import Unreadable

LONGEST = 4_000
"""Characters of a program that are read."""
STEPS = 20_000
"""Nodes that are worked out at most."""
DEPTH = 40
"""Calls of its own functions in each other, at most."""

_FENCE = re.compile(r"```(?:[\w+-]{0,12})[ \t]{0,9}\n(.*?)(?:\n[ \t]{0,9}```|\Z)", re.DOTALL)
_BEGINS = re.compile(
    r"^(?:#|from [\w.]{1,60} import |import [\w.]{1,60}$|(?:def|class) \w{1,60}|print\("
    r"|(?:for|while|if|with|try)\b[^\n]{0,200}:$"
    r"|[a-z_]\w{0,60}(?:, ?[a-z_]\w{0,60}){0,9} {0,2}(?:[-+*/]?=)(?!=))",
    re.MULTILINE,
)
_ANSWERS = ("ans", "answer", "result")
_FUNCTIONS_OF_THE_ANSWER = ("solution", "solve", "main")


def program_value(text: str) -> str | None:
    """What the program in an answer comes to, as a text; `None` where none can be read.

    It begins at its first line of code. What it comes to is its variable `ans` (or `answer`,
    `result`), else what it prints last, else what its function `solution` returns, else what it
    assigns last.

    Args:
        text: A model's answer: a program, or with one in a fence.
    """
    program = _program_in(text[: 4 * LONGEST])
    if program is None or len(program) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(program.strip("\n"))
        return _Reader().outcome(tree)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, LookupError):
        return None
    except (RecursionError, MemoryError, AttributeError, _Returned, _Left):
        return None


def holds_program(text: str) -> bool:
    """Whether an answer holds what looks like a program, readable or not."""
    return _program_in(text[: 4 * LONGEST]) is not None


def _program_in(text: str) -> str | None:
    """The program in an answer: in its last fence, or from the first line on that looks like one."""
    if fences := _FENCE.findall(text):
        return str(fences[-1])
    found = _BEGINS.search(text)
    return text[found.start() :] if found else None


_NONE: Mapping[str, Any] = MappingProxyType({})


class _Returned(Exception):
    """A function has come to its value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _Left(Exception):
    """A loop is left, or goes on with its next round."""

    def __init__(self, done: bool) -> None:
        super().__init__()
        self.done = done


class _Reader:
    """Works a program out; it has a fixed number of steps."""

    def __init__(self) -> None:
        self.steps = STEPS
        self.depth = 0
        self.printed: str | None = None
        self.assigned: str | None = None
        self.functions: dict[str, ast.FunctionDef] = {}

    def outcome(self, tree: ast.Module) -> str | None:
        names: dict[str, Any] = {}
        self._block(tree.body, names)
        for name in _ANSWERS:
            if name in names:
                return shown(names[name])
        if self.printed is not None:
            return self.printed
        for name in _FUNCTIONS_OF_THE_ANSWER:
            if name in self.functions and not self.functions[name].args.args:
                return shown(self._own(self.functions[name], []))
        return shown(names[self.assigned]) if self.assigned in names else None

    # statements -----------------------------------------------------------------------------

    def _block(self, body: Sequence[ast.stmt], names: dict[str, Any]) -> None:
        for statement in body:
            self._step()
            rule = _STATEMENTS.get(type(statement))
            if rule is None:
                raise Unreadable(type(statement).__name__)
            rule(self, statement, names)

    def _import(self, node: Any, names: dict[str, Any]) -> None:
        for each in node.names:
            whole = each.name if isinstance(node, ast.Import) else f"{node.module}.{each.name}"
            if whole not in MODULES:
                raise Unreadable(whole)
            if isinstance(node, ast.Import) and not each.asname:
                whole = each.name.partition(".")[0]  # what "import a.b" binds
            names[each.asname or each.name.partition(".")[0]] = MODULES[whole]

    def _assign(self, node: ast.Assign, names: dict[str, Any]) -> None:
        value = self._value(node.value, names)
        for target in node.targets:
            self._bind(target, value, names)

    def _annotated(self, node: ast.AnnAssign, names: dict[str, Any]) -> None:
        if node.value is not None:
            self._bind(node.target, self._value(node.value, names), names)

    def _changed(self, node: ast.AugAssign, names: dict[str, Any]) -> None:
        if not isinstance(node.target, ast.Name | ast.Attribute):
            raise Unreadable("target")
        before = self._value(node.target, names)
        value = calculated(type(node.op), before, self._value(node.value, names))
        self._bind(node.target, value, names)

    def _bind(self, target: ast.expr, value: Any, names: dict[str, Any]) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = sized(value)
            self.assigned = target.id
        elif isinstance(target, ast.Tuple | ast.List):
            values = list(value)
            if len(values) != len(target.elts):
                raise Unreadable("unpacking")
            for each, part in zip(target.elts, values, strict=True):
                self._bind(each, part, names)
        elif isinstance(target, ast.Attribute):
            owner = self._value(target.value, names)
            if not isinstance(owner, Instance):
                raise Unreadable("target")
            owner.attributes[target.attr] = value
        elif isinstance(target, ast.Subscript):
            container, key = self._value(target.value, names), self._value(target.slice, names)
            if not isinstance(container, dict | list):
                raise Unreadable("target")
            container[key] = sized(value)
            sized(container)
        else:
            raise Unreadable("target")

    def _expression(self, node: ast.Expr, names: dict[str, Any]) -> None:
        if isinstance(node.value, ast.Constant):
            return  # a docstring
        self._value(node.value, names)

    def _if(self, node: ast.If, names: dict[str, Any]) -> None:
        self._block(node.body if self._value(node.test, names) else node.orelse, names)

    def _for(self, node: ast.For, names: dict[str, Any]) -> None:
        for value in list(self._value(node.iter, names)):
            self._bind(node.target, value, names)
            if self._round(node.body, names):
                return
        self._block(node.orelse, names)

    def _while(self, node: ast.While, names: dict[str, Any]) -> None:
        while self._value(node.test, names):
            if self._round(node.body, names):
                return
        self._block(node.orelse, names)

    def _round(self, body: Sequence[ast.stmt], names: dict[str, Any]) -> bool:
        """One round of a loop: whether it is left."""
        try:
            self._block(body, names)
        except _Left as left:
            return left.done
        return False

    def _leave(self, node: ast.Break | ast.Continue, names: dict[str, Any]) -> None:
        raise _Left(isinstance(node, ast.Break))

    def _define(self, node: ast.FunctionDef, names: dict[str, Any]) -> None:
        self.functions[node.name] = node

    def _class(self, node: ast.ClassDef, names: dict[str, Any]) -> None:
        if node.bases or node.keywords or node.decorator_list:
            raise Unreadable("class")
        names[node.name] = Class(
            {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        )

    def _return(self, node: ast.Return, names: dict[str, Any]) -> None:
        raise _Returned(self._value(node.value, names) if node.value else None)

    # expressions ----------------------------------------------------------------------------

    def _value(self, node: ast.expr, names: dict[str, Any]) -> Any:
        self._step()
        rule = _EXPRESSIONS.get(type(node))
        if rule is None:
            raise Unreadable(type(node).__name__)
        value = rule(self, node, names)
        self._step(size_of(value))
        return value

    def _step(self, number: int = 1) -> None:
        self.steps -= number
        if self.steps < 0:
            raise Unreadable("too many steps")

    def _name(self, name: str, names: Mapping[str, Any]) -> Any:
        if name in names:
            return names[name]
        if name in MODULES:  # models leave the imports out
            return MODULES[name]
        raise Unreadable("unknown name")

    def _operation(self, node: ast.BinOp, names: dict[str, Any]) -> Any:
        return calculated(
            type(node.op), self._value(node.left, names), self._value(node.right, names)
        )

    def _signed(self, node: ast.UnaryOp, names: dict[str, Any]) -> Any:
        value = self._value(node.operand, names)
        if isinstance(node.op, ast.Not):
            return not value
        if isinstance(node.op, ast.Invert):
            raise Unreadable("~")
        return -value if isinstance(node.op, ast.USub) else +value

    def _both(self, node: ast.BoolOp, names: dict[str, Any]) -> Any:
        value: Any = None
        for each in node.values:
            value = self._value(each, names)
            if bool(value) is isinstance(node.op, ast.Or):
                return value
        return value

    def _compare(self, node: ast.Compare, names: dict[str, Any]) -> bool:
        left = self._value(node.left, names)
        for sign, each in zip(node.ops, node.comparators, strict=True):
            right = self._value(each, names)
            if not compared(type(sign), left, right):
                return False
            left = right
        return True

    def _chosen(self, node: ast.IfExp, names: dict[str, Any]) -> Any:
        return self._value(node.body if self._value(node.test, names) else node.orelse, names)

    def _list(self, node: Any, names: dict[str, Any]) -> Any:
        values = [self._value(each, names) for each in node.elts]
        return tuple(values) if isinstance(node, ast.Tuple) else values

    def _dict(self, node: ast.Dict, names: dict[str, Any]) -> Any:
        if None in node.keys:
            raise Unreadable("**")
        keys = [self._value(key, names) for key in node.keys if key is not None]
        return dict(zip(keys, (self._value(each, names) for each in node.values), strict=True))

    def _comprehension(self, node: Any, names: dict[str, Any]) -> list[Any]:
        inner = dict(names)
        return [self._value(node.elt, inner) for _ in self._rounds(node.generators, inner)]

    def _rounds(
        self, generators: Sequence[ast.comprehension], names: dict[str, Any]
    ) -> Iterator[None]:
        if not generators:
            yield
            return
        first, *others = generators
        for value in list(self._value(first.iter, names)):
            self._bind(first.target, value, names)
            if all(self._value(test, names) for test in first.ifs):
                yield from self._rounds(others, names)

    def _subscript(self, node: ast.Subscript, names: dict[str, Any]) -> Any:
        container = self._value(node.value, names)
        if isinstance(node.slice, ast.Slice):
            lower, upper, step = (
                None if each is None else self._value(each, names)
                for each in (node.slice.lower, node.slice.upper, node.slice.step)
            )
            return item_of(container, slice(lower, upper, step))
        return item_of(container, self._value(node.slice, names))

    def _attribute(self, node: ast.Attribute, names: dict[str, Any]) -> Any:
        return attribute_of(self._value(node.value, names), node.attr)

    def _text(self, node: ast.JoinedStr, names: dict[str, Any]) -> str:
        return "".join(str(self._value(each, names)) for each in node.values)

    def _field(self, node: ast.FormattedValue, names: dict[str, Any]) -> str:
        layout = self._value(node.format_spec, names) if node.format_spec else ""
        return formatted(self._value(node.value, names), layout)

    def _call(self, node: ast.Call, names: dict[str, Any]) -> Any:
        if any(isinstance(each, ast.Starred) for each in node.args):
            raise Unreadable("*")
        given = [self._value(each, names) for each in node.args]
        named = {each.arg: self._value(each.value, names) for each in node.keywords if each.arg}
        if len(named) < len(node.keywords):
            raise Unreadable("**")
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in self.functions and name not in names:
            return self._own(self.functions[name], given, named)
        if name == "print":
            self.printed = " ".join(map(shown, given))
            return None
        if name in FUNCTIONS and name not in names:
            return FUNCTIONS[name](*given, **named)
        function = self._value(node.func, names)
        if isinstance(function, Class):
            made = Instance(function)
            if "__init__" in function.methods:
                self._own(function.methods["__init__"], [made, *given], named)
            return made
        if isinstance(function, Method) and isinstance(function.of, Instance):
            return self._own(function.of.of.methods[function.name], [function.of, *given], named)
        return called(function, given, named)

    def _own(
        self,
        function: ast.FunctionDef,
        given: Sequence[Any],
        named: Mapping[str, Any] = _NONE,
    ) -> Any:
        """What a function that the program defines comes to."""
        parameters = [each.arg for each in function.args.args]
        optional = function.args.defaults
        inner: dict[str, Any] = {
            name: self._value(value, {})
            for name, value in zip(
                parameters[len(parameters) - len(optional) :], optional, strict=True
            )
        }
        inner |= dict(zip(parameters, given, strict=False)) | dict(named)
        if self.depth >= DEPTH or set(inner) != set(parameters):
            raise Unreadable("call")
        self.depth += 1
        try:
            self._block(function.body, inner)
        except _Returned as returned:
            return returned.value
        finally:
            self.depth -= 1
        return None


Rule = Callable[[_Reader, Any, dict[str, Any]], Any]
_STATEMENTS: dict[type[ast.stmt], Rule] = {
    ast.Import: _Reader._import,
    ast.ImportFrom: _Reader._import,
    ast.Assign: _Reader._assign,
    ast.AnnAssign: _Reader._annotated,
    ast.AugAssign: _Reader._changed,
    ast.Expr: _Reader._expression,
    ast.If: _Reader._if,
    ast.For: _Reader._for,
    ast.While: _Reader._while,
    ast.Break: _Reader._leave,
    ast.Continue: _Reader._leave,
    ast.Pass: lambda reader, node, names: None,
    ast.FunctionDef: _Reader._define,
    ast.ClassDef: _Reader._class,
    ast.Return: _Reader._return,
}
_EXPRESSIONS: dict[type[ast.expr], Rule] = {
    ast.Constant: lambda reader, node, names: node.value,
    ast.Name: lambda reader, node, names: reader._name(node.id, names),
    ast.BinOp: _Reader._operation,
    ast.UnaryOp: _Reader._signed,
    ast.BoolOp: _Reader._both,
    ast.Compare: _Reader._compare,
    ast.IfExp: _Reader._chosen,
    ast.List: _Reader._list,
    ast.Tuple: _Reader._list,
    ast.Dict: _Reader._dict,
    ast.ListComp: _Reader._comprehension,
    ast.GeneratorExp: _Reader._comprehension,
    ast.Subscript: _Reader._subscript,
    ast.Attribute: _Reader._attribute,
    ast.JoinedStr: _Reader._text,
    ast.FormattedValue: _Reader._field,
    ast.Call: _Reader._call,
}
