"""The archive: once a minute it takes from memory what long windows will need, and writes it into the store.

Rules ask for it in memory and never wait for the store: what the store holds is read once, at the start. When the store
cannot be written, that is said once and counted, alerting goes on, and the next minute tries again.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from sqlalchemy import Connection

from alerts.rule import RuleGroup
from monitor.archive.bundle import Bundle, BundleUnreadable, decode, encode
from monitor.archive.merged import Merged
from monitor.archive.tier import Piece, Tier
from monitor.archive.wanted import Wanted, wanted
from monitor.collectors import Number
from monitor.samples import Samples
from monitor.store import Store, StoreError, bundles

log = logging.getLogger(__name__)

#: A sample a minute for two days: rates over minutes and hours are right at once after a restart. Then one every three
#: minutes: the widest distance that Prometheus' look-back of five minutes bridges, as memory has a sample a minute.
MINUTE, COARSE = 60.0, 180.0
_MINUTES_KEPT = 2 * 86_400.0
#: Kept at least and at most, in seconds: three weeks and a month are common, a quarter is the longest objective.
_LEAST_KEPT, _MOST_KEPT = 35 * 86_400.0, 100 * 86_400.0
_MOST_SERIES, _MOST_MINUTES, _MOST_COARSE = 2_000, 3_000_000, 20_000_000
#: The minute's work begins this long after the full minute, when its last samples have come.
_AFTER = 2.0
_PATIENCE = 60.0
#: A replica writes when the one that did has been silent for this long.
_SILENT = 180.0
#: When the store forgets what is too old (cron, UTC).
RETIRE = "17 3 * * *"


class Archive:
    """What long windows need of `memory`, kept in `store` for this `location`.

    `clock` is wall-clock seconds. Locations that share a store keep apart what they saw. Of several replicas at one
    location one writes, and the others stand by: each takes for written what that one wrote.
    """

    def __init__(self, memory: Samples, store: Store, location: str, clock: Callable[[], float] = time.time) -> None:
        self._memory, self._store, self._location, self._clock = memory, store, location, clock
        self._minutes = Tier(MINUTE, _MINUTES_KEPT, _MOST_MINUTES, _MOST_SERIES)
        self._coarse = Tier(COARSE, _LEAST_KEPT, _MOST_COARSE, _MOST_SERIES)
        self._born_ms = round(clock() * 1000)
        self._writer = secrets.token_hex(8)
        self._wanted = Wanted()
        self._loaded = False
        self._in_trouble = False
        self.failures = 0
        self._working = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        #: Memory and archive as one storage.
        self.storage = Merged(memory, self)

    def keep(self, groups: Iterable[RuleGroup]) -> None:
        """Keep from now on what these rules need. What was kept for others stays until its age ends it."""
        self._wanted = wanted(groups, self._memory.max_age_ms)
        kept = min(max(_LEAST_KEPT, self._wanted.reach_ms / 1000 + 86_400.0), _MOST_KEPT)
        self._coarse.samples.max_age_ms = round(kept * 1000)

    def start(self) -> None:
        """Read what the store holds, and begin."""
        self.tick()
        self._thread = threading.Thread(target=self._work, name="archive", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Keep what came since the last minute, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.tick(last=True)

    def tick(self, *, last: bool = False) -> None:
        """The minute's work: take what came, write it. With `last`, the unfinished minute too."""
        with self._working:
            try:
                self._load()
                for tier in self.tiers():
                    now_ms = round(self._clock() * 1000)
                    tier.take(self._memory, self._wanted.selectors, now_ms if last else tier.floor(now_ms))
                self._save()
            except (StoreError, TimeoutError) as error:
                self._failed(error)
            else:
                if self._in_trouble:
                    log.info("what long windows need is kept in the store again")
                self._in_trouble = False

    def retire(self) -> None:
        """Let the store forget what is too old. Returns at once."""
        now_ms = round(self._clock() * 1000)
        for tier in self.tiers():
            before = now_ms - tier.samples.max_age_ms - tier.span_ms
            forget = partial(
                bundles.retire, location=self._location, resolution_ms=tier.resolution_ms, before_ms=before
            )
            self._store.submit(forget)

    def since(self) -> int:
        """From here on (milliseconds) memory holds everything: the start, or as far as its age goes."""
        return max(self._born_ms, round(self._clock() * 1000) - self._memory.max_age_ms)

    def tier(self, start_ms: int) -> Tier:
        """The finest resolution that reaches back to a time."""
        reach = self._minutes.taken_ms - self._minutes.samples.max_age_ms
        return self._minutes if start_ms >= reach else self._coarse

    def tiers(self) -> Sequence[Tier]:
        """Both resolutions."""
        return self._minutes, self._coarse

    def numbers(self) -> Iterator[Number]:
        """The archive's own metrics, as they stand."""
        yield "shopwatch_archive_series", (), float(self._coarse.samples.series_count)
        yield "shopwatch_archive_samples", (), float(sum(tier.samples.sample_count for tier in self.tiers()))
        for reason in self._coarse.samples.refused:
            refused = sum(tier.samples.refused[reason] for tier in self.tiers())
            yield "shopwatch_archive_refused_total", (("reason", reason),), float(refused)
        yield "shopwatch_archive_failures_total", (), float(self.failures)
        if saved := min(tier.saved_ms for tier in self.tiers()):
            yield "shopwatch_archive_saved_timestamp_seconds", (), saved / 1000

    def _work(self) -> None:
        while not self._stop.wait(60.0 - (self._clock() - _AFTER) % 60.0):
            try:
                self.tick()
            except Exception:  # a bug here must not end the archive for good
                log.exception("the archive's minute failed")
                self.failures += 1

    def _load(self) -> None:
        """Once, before anything is taken: memory holds what comes until the store can be read."""
        if self._loaded:
            return
        found = [self._store.submit(self._read(tier)).result(_PATIENCE) for tier in self.tiers()]
        for tier, rows in zip(self.tiers(), found, strict=True):
            tier.load(_decoded(rows))
        self._loaded = True

    def _read(self, tier: Tier) -> Callable[[Connection], list[bundles.Row]]:
        since = round(self._clock() * 1000) - tier.samples.max_age_ms
        return partial(bundles.load, location=self._location, resolution_ms=tier.resolution_ms, since_ms=since)

    def _save(self) -> None:
        pieces = [(tier, list(tier.pieces())) for tier in self.tiers()]
        rows = [self._row(tier, piece) for tier, some in pieces for piece in some]
        now = self._clock()
        alive = (now - _SILENT, now + _SILENT)
        other = None
        if rows:
            write = partial(bundles.save, location=self._location, writer=self._writer, rows=rows, alive=alive)
            other = self._store.submit(write).result(_PATIENCE)
        for tier, _ in pieces:
            tier.saved_ms = tier.taken_ms if other is None else max(tier.saved_ms, min(tier.taken_ms, other))

    def _row(self, tier: Tier, piece: Piece) -> bundles.Row:
        bundle = piece.bundle
        span = bundle.end_ms - tier.span_ms if piece.whole else None
        return bundles.Row(
            tier.resolution_ms, bundle.start_ms, bundle.end_ms, bundle.samples, encode(bundle), replaces_after_ms=span
        )

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if not self._in_trouble:
            what = str(error) or "the store did not answer in time"
            log.error(
                "what long windows need cannot be kept: %s. Alerting goes on, and each minute we try again",
                what,
            )
        self._in_trouble = True


def _decoded(rows: Iterable[bundles.Row]) -> Iterator[Bundle]:
    for row in rows:
        try:
            yield decode(row.start_ms, row.end_ms, row.body)
        except BundleUnreadable as error:
            log.error("a bundle of the archive that ends at %d cannot be read, and is left out: %s", row.end_ms, error)
