"""One thing in many dresses: what stands in a row means the same, what stands in two does not."""

from __future__ import annotations

from itertools import combinations

DATES = (
    ("8/4/1997", "08/04/1997", "August 4, 1997", "4 August 1997", "1997-08-04", "Aug 4, 1997"),
    ("4/8/1997", "04/08/1997", "the 8th of April, 1997", "1997/04/08", "Apr. 8, 1997"),
    ("12/25/2020", "2020-12-25", "25/12/2020", "25.12.2020", "Friday, December 25, 2020"),
    ("12/26/2020", "Dec 26, 2020", "Tomorrow is Dec 26, 2020."),
)
TIMES = (
    ("14:05", "2:05 PM", "2:05 p.m.", "2:05pm", "14:05:00", "2:05 in the afternoon", "14h05"),
    ("14:50", "2:50 PM"),
    ("2:05 AM", "02:05 am", "2:05 in the morning"),
    ("17:30", "5:30 pm", "The shop closes at 5:30 pm."),
    ("noon", "12 pm", "12:00 PM"),
    ("midnight", "12 am", "12:00 am", "00:00"),
    ("21:00", "9 pm", "9:00 p.m.", "9 at night"),
)
AMOUNTS = (
    ("$15", "$15.00", "15 dollars", "15 USD", "He made $15.00 by the end.", "1500 cents"),
    ("$15.50", "15.5 dollars", "$15.50 in total"),
    ("€15", "15 euros", "15,00 €"),
    ("$1,500", "1500 dollars", "$1500.00", "1.5 thousand dollars"),
    ("$1.5 million", "1,500,000 dollars"),
)
UNITS = (
    ("5 mg", "5 milligrams", "0.005 g", "5000 mcg"),
    ("5 mcg", "5 µg", "5 micrograms"),
    ("5 g", "5 grams", "0.005 kg"),
    ("5 lb", "80 oz"),
    ("5 kWh", "5000 Wh"),
    ("5 MWh", "5000 kWh"),
    ("5 ms", "5 milliseconds", "0.005 s"),
    ("5 GB", "5000 MB"),
    ("5 km", "5000 m", "5 kilometres"),
)
BOUNDS = (
    ("5", "It is 5.", "exactly 5", "about 5", "five", "5, not 6", "not 6 but 5"),
    ("more than 5", "over 5", "It is more than 5."),
    ("less than 5", "fewer than 5"),
    ("at least 5",),
    ("at most 5", "up to 5"),
    ("not 5", "It isn't 5."),
    ("5 or 6",),
    ("5!", "120"),
)
LISTS = (
    ("8, 14", "14, 8", "8 and 14", "[8, 14]"),
    ("14", "It is 14."),
    ("8",),
    ("8, 14, 20", "8, 14 and 20"),
)
LARGE = (
    ("265252859812191058636308480000000", "30!", "265,252,859,812,191,058,636,308,480,000,000"),
    ("265252859812191058636308480000001", "30!+1"),
    ("2^100", "1267650600228229401496703205376"),
    ("2^100+1", "1267650600228229401496703205377"),
    ("\\binom{100}{50}", "100891344545564193334812497256"),
    ("\\binom{100}{50}+1",),
    ("0.1000000000000000000000000000000001",),
    ("0.1", "1/10", ".1", "10^{-1}"),
)
ALTERNATIVES = (
    ("less likely",),
    ("equally likely", "Equally likely."),
    ("less likely (by day), equally likely (by night)",),
    ("more likely",),
)


def rows(groups: tuple[tuple[str, ...], ...]) -> list[tuple[str, str, bool]]:
    """The pairs of a row, which mean the same, and those of the first two of each row with others'."""
    same = [(one, other, True) for group in groups for one, other in combinations(group, 2)]
    differ = [
        (one, other, False)
        for ours, theirs in combinations(groups, 2)
        for one in ours[:2]
        for other in theirs[:1]
    ]
    return same + differ


PAIRS = [
    pair
    for groups in (DATES, TIMES, AMOUNTS, UNITS, BOUNDS, LISTS, LARGE, ALTERNATIVES)
    for pair in rows(groups)
]
