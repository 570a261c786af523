"""A calibration: thresholds chosen on data, their expected results, and the scores' distribution."""

from __future__ import annotations

import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite, log
from pathlib import Path

from lc_asym_router._internal.imports import read_text
from lc_asym_router.errors import CalibrationError

VERSION = 1
BINS = 10
MIN_SCORES = 200
"""Scores from which a drift is judged: fewer differ by chance alone."""
DRIFTED = 0.2
"""Population stability index that counts as a shift, by the common rule of thumb (Siddiqi, Credit
Risk Scorecards, 2006). Chance alone gives about 9 / n with ten bins."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An expected figure: its value on the data and its 95 % interval."""

    value: float
    ci95: tuple[float, float] | None = None


LARGEST = 1_000_000
"""Bytes that a calibration's file may have."""


@dataclass(frozen=True)
class Calibration:
    """Thresholds for a router, and their expected results.

    Made by `calibrate`; pass it, or its file's path, to `AsymRouter(threshold=...)`.

    Attributes:
        classifier: Name of the classifier whose scores the threshold is for.
        threshold: Complexity at or over which a request goes to the last tier, in [0, 1].
        checks: Thresholds of the checks, in [0, 1], by the checks' names.
        target: The target, such as `{"quality_kept": 0.95}`.
        expected: Expected results: `frontier_share` and `quality` in [0, 1], `quality_kept` as a
            share of the frontier's quality, `gain_kept` as a share of the gap between both models,
            `cost_usd` per request.
        rows: Number of rows of the data.
        seen: Quantiles of the scores on the data, sorted, by "complexity" and "check".
        notes: Limitations, one line each.
    """

    classifier: str
    threshold: float
    checks: Mapping[str, float]
    target: Mapping[str, float]
    expected: Mapping[str, Expected]
    rows: int
    seen: Mapping[str, Sequence[float]] = field(repr=False)
    notes: Sequence[str] = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the calibration to a JSON file, atomically.

        Raises:
            CalibrationError: The path is a folder, a device or the like.
            OSError: It can't be written to.
        """
        place = Path(path)
        if place.exists() and not place.is_file():
            raise CalibrationError(f"{place} is no file that can be replaced. Give another path.")
        place.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"calibration": VERSION, **asdict(self)}, indent=2, ensure_ascii=False)
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            os.chmod(temporary, 0o644)  # mkstemp's own is for the writer's eyes only
            os.replace(temporary, place)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Calibration:
        """Read a file that `save` wrote.

        Raises:
            CalibrationError: There is no such file, or it has no calibration of this version.
        """
        try:
            data = json.loads(read_text(path, LARGEST))
        except (OSError, ValueError, RecursionError) as error:
            what = getattr(error, "strerror", None) or type(error).__name__
            raise CalibrationError(
                f"The calibration {os.fspath(path)} can't be read ({what}). Make one "
                "with lc_asym_router.evals.calibrate, or `lc-asym-router calibrate`."
            ) from error
        version = data.pop("calibration", None) if isinstance(data, dict) else None
        if version != VERSION:
            raise CalibrationError(
                f"{os.fspath(path)} is no calibration of version {VERSION} (it says {version!r}). "
                "Calibrate again."
            )
        try:
            expected = {
                name: Expected(each["value"], tuple(each["ci95"]) if each["ci95"] else None)
                for name, each in data.pop("expected").items()
            }
            notes = tuple(data.pop("notes"))
            found = cls(expected=expected, notes=notes, **data)
            found._check_numbers()
            return found
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise CalibrationError(
                f"{os.fspath(path)} lacks a part of a calibration, or a part is damaged. Calibrate "
                "again."
            ) from error

    def _check_numbers(self) -> None:
        """Refuse what is not what it is taken for: a threshold that is null would be none at all.

        Raises:
            ValueError, TypeError, AttributeError: There is such a thing.
        """
        ends = [each.ci95 for each in self.expected.values() if each.ci95 is not None]
        numbers = [
            self.threshold,
            *self.checks.values(),
            *(each.value for each in self.expected.values()),
            *(end for pair in ends for end in pair),
            *(score for scores in self.seen.values() for score in scores),
        ]
        if any(isinstance(each, bool) or not isfinite(each) for each in numbers):
            raise ValueError
        if any(len(pair) != 2 for pair in ends):
            raise ValueError
        if not all(0 <= each <= 1 for each in (self.threshold, *self.checks.values())):
            raise ValueError

    def describe(self) -> str:
        """Return the expected results, one line per figure."""
        lines = [f"threshold {self.threshold:.4g} for the classifier {self.classifier}"]
        lines += [
            f"threshold {value:.4g} for the check {name}" for name, value in self.checks.items()
        ]
        for name, each in self.expected.items():
            interval = f" (95 %: {each.ci95[0]:.4g} to {each.ci95[1]:.4g})" if each.ci95 else ""
            lines.append(f"expected {name} {each.value:.4g}{interval}")
        return "\n".join([*lines, *self.notes])

    def drift(self, name: str, scores: Sequence[float]) -> Drift | None:
        """Compare live scores with those of the calibration.

        Args:
            name: "complexity" or "check".
            scores: Live scores in [0, 1].

        Returns:
            The comparison; `None` where the calibration has no such scores, or there are too few.
        """
        seen = self.seen.get(name) or ()
        if len(seen) < 2 or len(scores) < MIN_SCORES:
            return None
        return Drift(name, _stability(seen, scores), len(scores))


@dataclass(frozen=True, slots=True)
class Drift:
    """A comparison of live scores with the calibration's.

    Attributes:
        name: Which scores: "complexity" or "check".
        index: Population stability index, 0 for the same distribution.
        scores: How many live scores were compared.
    """

    name: str
    index: float
    scores: int

    @property
    def drifted(self) -> bool:
        """Whether the scores have moved so far that the thresholds are no longer reliable."""
        return self.index >= DRIFTED


def _stability(seen: Sequence[float], live: Sequence[float]) -> float:
    """Population stability index over bins at the deciles of what was seen."""
    steps = len(seen) - 1
    edges = sorted({seen[round(steps * part / BINS)] for part in range(1, BINS)})
    before, now = _shares(edges, seen), _shares(edges, live)
    return sum((b - a) * log(b / a) for a, b in zip(before, now, strict=True))


def _shares(edges: Sequence[float], scores: Sequence[float]) -> list[float]:
    """The share of the scores in each bin; half a score stands in every bin, so none is empty."""
    counts = [0.5] * (len(edges) + 1)
    for score in scores:
        counts[bisect_right(edges, score)] += 1
    return [count / sum(counts) for count in counts]
