"""What is usual at this time of the week, and how far below it chance alone may lead."""

import math
from collections.abc import Sequence
from statistics import median_low

#: How many weeks are compared, how many at least, and how far back they may lie when holidays or gaps take some away.
WEEKS, LEAST, MOST = 3, 2, 4
#: How seldom chance alone may lead below the floor. With windows of half an hour that is once in half a year.
CHANCE = 1e-4


def expected(counts: Sequence[float]) -> float | None:
    """The median of the newest weeks' counts, the lower of two; None when there are too few to say.

    One week with an outage or a campaign does not move it.
    """
    return median_low(counts[:WEEKS]) if len(counts) >= LEAST else None


def floor(mean: float, chance: float = CHANCE) -> float:
    """The least count that is still likely where `mean` is usual: fewer come with a probability below `chance`.

    Orders come one by one and independently, so their count follows Poisson's law: of 3 expected none may come by
    chance (5 %), of 12 hardly (0.0006 %). Raises ValueError for a mean that is negative or not finite.
    """
    if not math.isfinite(mean) or mean < 0:
        raise ValueError(f"{mean} is no mean of counts")
    if mean == 0:
        return 0.0
    count = max(0, math.floor(mean - 10 * math.sqrt(mean) - 10))  # what lies below weighs nothing
    below = 0.0
    while True:
        below += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        if below >= chance:
            return float(count)
        count += 1
