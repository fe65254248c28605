"""Which columns of a sheet are alike: one that stands still, or moves as another does, takes no room in its rows.

Of the fifty series of an http probe most are states that do not change, or counters that go up together: a dozen are
worth writing down at each look.
"""

from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from struct import Struct

Floats = tuple[float, ...]


class Layout:
    """The slot of each column; the first `still` slots have one value throughout, `width` others one in each row."""

    __slots__ = ("bits", "pick", "slots", "spread", "still", "width", "written")

    def __init__(self, slots: tuple[int, ...], still: int) -> None:
        self.slots = slots
        self.still = still
        leaders = [slots.index(slot) for slot in range(still, len(set(slots)))]
        self.width = len(leaders)
        #: From a row of all columns, what must be written of it; and back, from the values of all slots.
        self.pick = _picker(leaders)
        self.spread = _picker(slots)
        #: All columns as bytes, and what is written of them: -0.0 is not 0.0, and one NaN not another.
        self.bits = Struct(f"{len(slots)}d").pack
        self.written = Struct(f"{len(leaders)}d").pack


#: Shared: thousands of probes have a handful of layouts.
_layout = lru_cache(maxsize=4096)(Layout)


def arrange(columns: Sequence[bytes]) -> tuple[Layout, Floats, "list[array[float]]"]:
    """The layout of columns, given as the bytes of their doubles; the values that stand still; columns that do not."""
    distinct = dict.fromkeys(columns)
    still = [column for column in distinct if column == column[:8] * (len(column) // 8)]
    moving = list(distinct.keys() - set(still)) if len(still) < len(distinct) else []
    moving.sort(key=columns.index)
    slots = {column: slot for slot, column in enumerate([*still, *moving])}
    layout = _layout(tuple(slots[column] for column in columns), len(still))
    return layout, tuple(array("d", column[:8])[0] for column in still), [array("d", column) for column in moving]


def _picker(places: Sequence[int]) -> Callable[[Sequence[float]], Floats]:
    """Takes the values at some places: an itemgetter, which for one place would answer no tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple([values[place] for place in places])
