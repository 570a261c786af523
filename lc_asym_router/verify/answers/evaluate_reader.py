"""The interpreter of short programs: evaluates the syntax tree in a limited number of steps."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lc_asym_router.verify.answers.dates import Unreadable
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
    size_of,
    sized,
    value_text,
)

STEPS = 20_000
"""Nodes that are worked out at most."""
DEPTH = 40
"""Calls of its own functions in each other, at most."""
_ANSWERS = ("ans", "answer", "result")
_FUNCTIONS_OF_THE_ANSWER = ("solution", "solve", "main")

_NONE: Mapping[str, Any] = MappingProxyType({})


class Returned(Exception):
    """A function has come to its value."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class LoopJump(Exception):
    """A loop is left, or goes on with its next round."""

    def __init__(self, done: bool) -> None:
        super().__init__()
        self.done = done


class Reader:
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
                return value_text(names[name])
        if self.printed is not None:
            return self.printed
        for name in _FUNCTIONS_OF_THE_ANSWER:
            if name in self.functions and not self.functions[name].args.args:
                return value_text(self._own(self.functions[name], []))
        return value_text(names[self.assigned]) if self.assigned in names else None

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
        except LoopJump as jump:
            return jump.done
        return False

    def _leave(self, node: ast.Break | ast.Continue, names: dict[str, Any]) -> None:
        raise LoopJump(isinstance(node, ast.Break))

    def _define(self, node: ast.FunctionDef, names: dict[str, Any]) -> None:
        self.functions[node.name] = node

    def _class(self, node: ast.ClassDef, names: dict[str, Any]) -> None:
        if node.bases or node.keywords or node.decorator_list:
            raise Unreadable("class")
        names[node.name] = Class(
            {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        )

    def _return(self, node: ast.Return, names: dict[str, Any]) -> None:
        raise Returned(self._value(node.value, names) if node.value else None)

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
            self.printed = " ".join(map(value_text, given))
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
        except Returned as returned:
            return returned.value
        finally:
            self.depth -= 1
        return None


Rule = Callable[[Reader, Any, dict[str, Any]], Any]
_STATEMENTS: dict[type[ast.stmt], Rule] = {
    ast.Import: Reader._import,
    ast.ImportFrom: Reader._import,
    ast.Assign: Reader._assign,
    ast.AnnAssign: Reader._annotated,
    ast.AugAssign: Reader._changed,
    ast.Expr: Reader._expression,
    ast.If: Reader._if,
    ast.For: Reader._for,
    ast.While: Reader._while,
    ast.Break: Reader._leave,
    ast.Continue: Reader._leave,
    ast.Pass: lambda reader, node, names: None,
    ast.FunctionDef: Reader._define,
    ast.ClassDef: Reader._class,
    ast.Return: Reader._return,
}
_EXPRESSIONS: dict[type[ast.expr], Rule] = {
    ast.Constant: lambda reader, node, names: node.value,
    ast.Name: lambda reader, node, names: reader._name(node.id, names),
    ast.BinOp: Reader._operation,
    ast.UnaryOp: Reader._signed,
    ast.BoolOp: Reader._both,
    ast.Compare: Reader._compare,
    ast.IfExp: Reader._chosen,
    ast.List: Reader._list,
    ast.Tuple: Reader._list,
    ast.Dict: Reader._dict,
    ast.ListComp: Reader._comprehension,
    ast.GeneratorExp: Reader._comprehension,
    ast.Subscript: Reader._subscript,
    ast.Attribute: Reader._attribute,
    ast.JoinedStr: Reader._text,
    ast.FormattedValue: Reader._field,
    ast.Call: Reader._call,
}
