"""What keeps Shopwatch from its work, in sentences: pages overdue, a prober gone, rules late."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.app import Shopwatch


def faults(shop: "Shopwatch") -> Iterator[str]:
    """Every reason not to trust the service at this moment; none when all is well.

    That nobody answers a page is none: our own part is done.
    """
    auditor = shop.pager.auditor
    if not auditor.trusted:
        yield from [complaint.text for complaint in auditor.complaints] or ["the open incidents could not be audited"]
    for shard in shop.prober.shards:
        if shard.vitals.pid is None:
            yield f"the prober process {shard.number} does not run"
    for group, late in shop.evaluator.overdue():
        yield f"the rules of {group} are {late:.0f} s late"
