"""What keeps Shopwatch from its work, in sentences: pages overdue, a prober gone, rules late."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.app import Shopwatch


def faults(shop: "Shopwatch") -> Iterator[str]:
    """Every reason not to trust the service at this moment; none when all is well.

    That nobody answers a page is none: our own part is done.
    """
    yield from standstill(shop)
    auditor = shop.pager.auditor
    if not auditor.trusted:
        yield from [complaint.text for complaint in auditor.complaints] or ["the open incidents could not be audited"]


def standstill(shop: "Shopwatch") -> Iterator[str]:
    """Every part of ours that does not run: then we are not ready, whatever the channels do."""
    if shop.store.trouble:
        yield shop.store.trouble
    for name, room in (("pager", shop.pager), ("desk", shop.desk)):
        if not room.alive:
            yield f"the {name} does not run"
    for shard in shop.prober.shards:
        if shard.vitals.pid is None:
            yield f"the prober process {shard.number} does not run"
    for group, late in shop.evaluator.overdue():
        yield f"the rules of {group} are {late:.0f} s late"
