"""Keeps in the store which alerts stand, so that a restart neither forgets a running `for` nor a firing alert."""

import logging
from collections.abc import Iterable

from alerts.rulememory import Kept
from monitor.store import Store, StoreError, rulestates
from probes.base import Labels

log = logging.getLogger(__name__)

#: How often "seen until" is written while nothing else changes, in milliseconds.
_REFRESH = 30_000

_Key = tuple[str, str, Labels]


class RuleKeeper:
    """Writes what changed, without waiting for it: losing the last moments costs an alert's start, never the alert."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[_Key, Kept] = {}
        self._refreshed = 0

    def load(self) -> list[Kept]:
        """What stood when we last looked; nothing when the store cannot be read, which is logged."""
        try:
            records = self._store.transaction(rulestates.load)
        except StoreError as error:
            log.error("the state of the alert rules cannot be read, every `for` starts anew: %s", error)
            return []
        self._written = {_key(record): record for record in records}
        return records

    def keep(self, records: Iterable[Kept], at: int) -> None:
        """Bring the store up to date with the alerts that stand at `at` (milliseconds)."""
        standing = {_key(record): record for record in records}
        changed = [record for key, record in standing.items() if _differs(self._written.get(key), record)]
        gone = self._written.keys() - standing.keys()
        refresh = bool(standing) and at - self._refreshed >= _REFRESH
        if not (changed or gone or refresh):
            return
        self._refreshed = at
        self._written = standing
        try:
            self._store.submit(lambda connection: rulestates.save(connection, changed, gone, at))
        except StoreError as error:
            log.error("the state of the alert rules cannot be kept: %s", error)


def _key(record: Kept) -> _Key:
    return record.group, record.rule, record.labels


def _differs(before: Kept | None, now: Kept) -> bool:
    def times(kept: Kept) -> tuple[object, ...]:
        return kept.state, kept.active_at, kept.fired_at, kept.missed_at

    return before is None or times(before) != times(now)
