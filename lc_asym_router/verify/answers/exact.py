"""Exact numbers of limited size: a result's digits are estimated before it is computed."""

from __future__ import annotations

import math
from fractions import Fraction

BITS = 4096
"""Binary digits that a whole number, or a side of a fraction, may have; some 1,200 decimal ones."""


class TooLarge(ArithmeticError):
    """A number that would have more digits than are worked out."""


def fraction_of(digits: str) -> Fraction:
    """A number written in digits, with or without a point.

    Raises:
        TooLarge: It has too many of them.
        ValueError: It is none.
    """
    if len(digits) > BITS // 4:
        raise TooLarge("too many digits")
    return Fraction(digits)


def bounded_fraction(value: Fraction) -> Fraction:
    """The value itself.

    Raises:
        TooLarge: It has too many digits.
    """
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > BITS:
        raise TooLarge("too many digits")
    return value


def exact_power(base: Fraction, exponent: Fraction) -> Fraction | float | complex:
    """A power: exact where the exponent is whole, else as near as a float is.

    Raises:
        TooLarge: It would have too many digits.
        ArithmeticError: It is none, as 0 to the power of -1.
    """
    if exponent.denominator != 1:
        root: float | complex = float(base) ** float(exponent)
        return root
    if abs(base) == 1:
        return base if exponent.numerator % 2 else Fraction(1)
    if not base:
        if exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return Fraction(int(exponent == 0))
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if (size - 1) * abs(exponent.numerator) > BITS:
        raise TooLarge("too many digits")
    return bounded_fraction(Fraction(base**exponent.numerator))


def factorial(of: Fraction) -> Fraction:
    """The factorial of a whole number.

    Raises:
        TooLarge: It would have too many digits.
        ValueError: It is no whole number from 0 on.
    """
    if of.denominator != 1 or of < 0:
        raise ValueError("a factorial is of a whole number")
    if of > BITS or math.lgamma(float(of) + 1) > BITS * math.log(2):
        raise TooLarge("too many digits")
    return Fraction(math.factorial(int(of)))


def binomial(above: Fraction, below: Fraction) -> Fraction:
    """A binomial coefficient of whole numbers.

    Raises:
        TooLarge: It would have too many digits.
        ValueError: One of them is no whole number from 0 on.
    """
    if above.denominator != 1 or below.denominator != 1 or above < 0 or below < 0:
        raise ValueError("a binomial coefficient is of whole numbers")
    if below > above:
        return Fraction(0)
    fewer = min(below, above - below)
    # At most (e n / k)^k, which is never far from it.
    if fewer > BITS or (fewer and fewer * math.log2(math.e * above / fewer) > BITS):
        raise TooLarge("too many digits")
    return Fraction(math.comb(int(above), int(fewer)))
