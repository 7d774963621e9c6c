"""What a benchmark measured: samples of ours and of the floor, taken in turns, and how they are judged."""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Least, middle and greatest of several samples."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Return the spread of one or more samples."""
        return cls(min(samples), statistics.median(samples), max(samples))


class Figure(NamedTuple):
    """One line of the table. `ratio` is ours over floor, turn by turn; both are None where there is no floor to compare with.

    `goal` is what the ratio (or, without a floor, the median of ours) is to reach: at least, or with `at_most` at most.
    """

    name: str
    unit: str
    ours: Spread
    floor: Spread | None
    ratio: Spread | None
    goal: float | None
    at_most: bool
    note: str

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the goal; None where none is set."""
        if self.goal is None:
            return None
        judged = (self.ratio or self.ours).median
        return judged <= self.goal if self.at_most else judged >= self.goal

    def as_json(self) -> dict[str, object]:
        """Return the figure as it is written to the results file."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "floor": _rounded(self.floor),
            "ratio": _rounded(self.ratio),
            "goal": None if self.goal is None else ("at most " if self.at_most else "at least ") + f"{self.goal:g}",
            "reached": self.reached,
            "note": self.note,
        }


def compared(
    name: str, *, unit: str, ours: Sequence[float], floor: Sequence[float], goal: float | None, note: str
) -> Figure:
    """Return the figure of samples that were taken in turns; the n-th of ours is compared with the n-th of the floor."""
    ratios = [mine / bare for mine, bare in zip(ours, floor, strict=True)]
    return Figure(name, unit, Spread.of(ours), Spread.of(floor), Spread.of(ratios), goal, at_most=False, note=note)


def measured(
    name: str, *, unit: str, ours: Sequence[float], note: str, goal: float | None = None, at_most: bool = False
) -> Figure:
    """Return the figure of something that has no floor."""
    return Figure(name, unit, Spread.of(ours), None, None, goal, at_most=at_most, note=note)


def in_turns(turns: int, *measurements: Callable[[], float]) -> list[list[float]]:
    """Take `turns` samples of each measurement, one after the other in turn, so that the machine's moods meet all alike.

    Every other turn goes backwards: nobody always comes first.
    """
    samples: list[list[float]] = [[] for _ in measurements]
    for turn in range(turns):
        order = range(len(measurements)) if turn % 2 == 0 else reversed(range(len(measurements)))
        for which in order:
            samples[which].append(measurements[which]())
    return samples


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample below which `share` (0 to 1) of all lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _rounded(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {name: float(f"{value:.4g}") for name, value in spread._asdict().items()}
