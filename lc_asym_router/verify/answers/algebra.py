"""Evaluate a formula with variables at given values."""

from __future__ import annotations

import cmath
import math
import random
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from lc_asym_router._internal.imports import word_set
from lc_asym_router.verify.answers import exact

LONGEST = 400
"""Characters of a formula that are looked into."""

_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|\\[a-zA-Z]+|[a-zA-Z]+|[-+*/^_!(){}\[\]|,])")
_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sin": cmath.sin,
    "cos": cmath.cos,
    "tan": cmath.tan,
    "sec": lambda at: 1 / cmath.cos(at),
    "csc": lambda at: 1 / cmath.sin(at),
    "cot": lambda at: 1 / cmath.tan(at),
    "arcsin": cmath.asin,
    "arccos": cmath.acos,
    "arctan": cmath.atan,
    "sinh": cmath.sinh,
    "cosh": cmath.cosh,
    "tanh": cmath.tanh,
    "exp": cmath.exp,
    "ln": cmath.log,
    "abs": abs,
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j}
_LETTERS = word_set(
    "alpha beta gamma delta epsilon theta lambda mu nu rho sigma tau phi varphi omega"
)
_DEEPEST = 40

Value: TypeAlias = Fraction | float | complex
"""Exact as long as only whole numbers and fractions are reckoned with."""


class NoFormula(ValueError):
    """A text that is no formula, or that can't be worked out."""


def variables_of(text: str) -> frozenset[str]:
    """The variables of a formula, constants and functions left out."""
    return frozenset(_Reader(text, {}).names)


def value_at(text: str, at: Mapping[str, complex]) -> Value:
    """Return the value of a formula: a `Fraction` where it is exact.

    Args:
        text: The formula: signs or LaTeX, as `formulas.plain_formula` leaves it.
        at: The value of each variable.

    Raises:
        NoFormula: It is none, or has no finite value there.
    """
    try:
        value = _Reader(text, at).whole()
    except (ArithmeticError, LookupError, ValueError, RecursionError, TypeError) as error:
        raise NoFormula(text[:80]) from error
    if not isinstance(value, Fraction) and not cmath.isfinite(value):
        raise NoFormula(text[:80])
    return value


@lru_cache(maxsize=256)
def point(name: str, place: int) -> float:
    """A value for a variable: any, but always the same; negative at place 0."""
    return random.Random(f"{ascii(name)[1:-1]}/{place}").uniform(0.3, 2.7) * (1 if place else -1)


class _Reader:
    """Reads a formula from left to right and works it out on the way."""

    def __init__(self, text: str, at: Mapping[str, complex]) -> None:
        if len(text) > LONGEST:
            raise NoFormula("too long")
        self.tokens: list[str] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found:
                raise NoFormula(text[:80])
            self.tokens.extend(_split(found.group(1)))
            place = found.end()
        self.at = at
        self.next = 0
        self.depth = 0
        self.names = {t for t in self.tokens if _is_variable(t)}

    def whole(self) -> Value:
        value = self._sum()
        if self.next < len(self.tokens):
            raise NoFormula("something is left over")
        return value

    def _peek(self) -> str:
        return self.tokens[self.next] if self.next < len(self.tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise NoFormula(f"no {wanted}")
        self.next += 1
        return token

    def _sum(self) -> Value:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NoFormula("too deep")
        value = self._product()
        while self._peek() in ("+", "-"):
            value = _kept(
                value + self._product() if self._take() == "+" else value - self._product()
            )
        self.depth -= 1
        return value

    def _product(self) -> Value:
        value = self._signed()
        while True:
            token = self._peek()
            if token == "*":
                self._take()
                value = _kept(value * self._signed())
            elif token == "/":
                self._take()
                value = _kept(value / self._signed())
            elif _begins(token):
                value = _kept(value * self._power())
            else:
                return value

    def _signed(self) -> Value:
        sign = 1
        while self._peek() in ("-", "+"):
            sign = -sign if self._take() == "-" else sign
        return sign * self._power()

    def _power(self) -> Value:
        base = self._atom()
        while self._peek() == "!":
            self._take()
            if not isinstance(base, Fraction):
                raise NoFormula("a factorial is of a whole number")
            base = exact.factorial(base)
        if self._peek() != "^":
            return base
        self._take()
        return self._raised(base, self._exponent())

    def _exponent(self) -> Value:
        if self._peek() == "{":
            return self._group("{", "}")
        sign = -1 if self._peek() == "-" and self._take() else 1
        return sign * self._power()

    @staticmethod
    def _raised(base: Value, exponent: Value) -> Value:
        if isinstance(base, Fraction) and isinstance(exponent, Fraction):
            return exact.exact_power(base, exponent)
        base, exponent = _rough(base), _rough(exponent)
        if abs(exponent) > 1000 or abs(base) > 1e100:
            raise NoFormula("too large")
        return base**exponent

    def _group(self, opener: str, closer: str) -> Value:
        self._take(opener)
        value = self._sum()
        self._take(closer)
        return value

    def _argument(self) -> Value:
        """What stands in braces, or the one digit or letter."""
        if self._peek() == "{":
            return self._group("{", "}")
        token = self._peek()
        if token.isdigit() and len(token) > 1:  # \frac12
            self.tokens[self.next : self.next + 1] = list(token)
        return self._atom()

    def _atom(self) -> Value:
        token = self._peek()
        if token == "(":
            return self._group("(", ")")
        if token == "[":
            return self._group("[", "]")
        if token == "{":
            return self._group("{", "}")
        if token == "|":
            return _size(self._group("|", "|"))
        self._take()
        if token[0].isdigit() or token[0] == ".":
            if self._peek() == "_":  # the base that it is written in
                raise NoFormula("a number in another base")
            return exact.fraction_of(token)
        return self._named(token.lstrip("\\"), token)

    def _named(self, name: str, token: str) -> Value:
        if name == "frac":
            above = self._argument()
            return _kept(above / self._argument())
        if name == "sqrt":
            root = self._group("[", "]") if self._peek() == "[" else Fraction(2)
            inner = self._argument() if self._peek() != "(" else self._group("(", ")")
            if isinstance(inner, Fraction | float) and inner < 0 and root == 3:
                return -self._raised(-inner, 1 / root)
            return self._raised(inner, 1 / root)
        if name == "binom":
            above, below = self._argument(), self._argument()
            if not isinstance(above, Fraction) or not isinstance(below, Fraction):
                raise NoFormula("a binomial coefficient is of whole numbers")
            return exact.binomial(above, below)
        if name == "log":
            base: Value = Fraction(10)
            if self._peek() == "_":
                self._take()
                base = self._argument()
            return cmath.log(_rough(self._operand())) / cmath.log(_rough(base))
        if name in _FUNCTIONS:
            return self._applied(_FUNCTIONS[name])
        if self._peek() == "_":
            raise NoFormula("a variable with an index")
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        return self.at[token]

    def _applied(self, function: Callable[[complex], complex]) -> Value:
        power: Value = Fraction(1)
        if self._peek() == "^":
            self._take()
            power = self._exponent()
            if power == -1:  # an inverse, or one over it
                raise NoFormula("an inverse")
        value = self._operand()
        applied = _size(value) if function is abs else function(_rough(value))
        return self._raised(applied, power)

    def _operand(self) -> Value:
        """What a function is of: brackets, or the factors that follow."""
        if self._peek() in ("(", "{", "[", "|"):
            return self._atom()
        value = self._power()
        while _begins(self._peek()) and self._peek().lstrip("\\") not in _FUNCTIONS:
            value = _kept(value * self._power())
        return value


def _kept(value: Value) -> Value:
    return exact.bounded_fraction(value) if isinstance(value, Fraction) else value


def _size(value: Value) -> Fraction | float:
    return abs(value) if isinstance(value, Fraction) else abs(complex(value))


def _rough(value: Value) -> float | complex:
    return float(value) if isinstance(value, Fraction) else value


def _split(token: str) -> list[str]:
    """Letters side by side are factors, unless they are a name."""
    if not token.isalpha() or token in _FUNCTIONS or token in ("sqrt", "log", "pi"):
        return [token]
    if len(token) > 3:
        raise NoFormula("a word")
    return list(token)


def _is_variable(token: str) -> bool:
    name = token.lstrip("\\")
    return (len(token) == 1 and token.isalpha() and name not in _CONSTANTS) or name in _LETTERS


def _begins(token: str) -> bool:
    """Whether a factor may begin here, without a sign before it."""
    return bool(token) and (token[0].isalnum() or token[0] in ".\\({[")
