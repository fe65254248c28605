"""Does what the calendar asks for, such as verifying backups at four in the morning, on APScheduler's cron in UTC."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC
from typing import NamedTuple

from apscheduler.events import EVENT_JOB_SUBMITTED, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from probes.cron import cron_trigger

LOG = logging.getLogger(__name__)
_PULSE_SECONDS = 30.0
_STEP_SECONDS = 5.0
_LATE_SECONDS = 60.0


class Appointment(NamedTuple):
    """What to call and when. `run` must return soon: it hands work over, it does not do it."""

    name: str
    cron: str
    run: Callable[[], None]


class Schedule:
    """The appointments of the config, each called at its times or as soon after as we are awake, never dropped.

    A late call is a call: there is no misfire limit, and several missed ones become one. Nothing is pickled or stored;
    what was missed while we were not running is for the appointment's owner to notice from its own records.
    """

    def __init__(self, clock: Callable[[], float] = time.time, pulse: float = _PULSE_SECONDS) -> None:
        self._clock = clock
        self._pulse = pulse
        #: How often the calendar was laid out again because the clock was set back.
        self.laid_out = 0
        self._scheduler = BackgroundScheduler(
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )
        #: Calls by appointment and how they went: done, late (begun a minute or more after their time) or failed.
        self.runs: Counter[tuple[str, str]] = Counter()
        self._appointments: dict[str, Appointment] = {}
        self._scheduler.add_listener(self._submitted, EVENT_JOB_SUBMITTED)
        self._stop = threading.Event()
        self._watch: threading.Thread | None = None

    def start(self) -> None:
        """Begin to keep appointments."""
        self._scheduler.start()
        self._watch = threading.Thread(target=self._watch_clock, name="schedule", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Keep no more appointments; one that is being kept ends first."""
        self._stop.set()
        if self._watch is not None:
            self._watch.join()
            self._scheduler.shutdown(wait=True)
            self._watch = None

    def apply(self, appointments: Iterable[Appointment]) -> None:
        """Keep exactly these; unchanged times keep their next call. Raises ValueError for a cron that is none."""
        wanted = {appointment.name: appointment for appointment in appointments}
        triggers = {name: cron_trigger(appointment.cron) for name, appointment in wanted.items()}
        for name in set(self._appointments) - set(wanted):
            self._scheduler.remove_job(name)
        for name, appointment in wanted.items():
            old = self._appointments.get(name)
            if old is not None and old.cron == appointment.cron:
                self._scheduler.modify_job(name, func=self._guarded(appointment))
            else:
                self._scheduler.add_job(self._guarded(appointment), triggers[name], id=name, replace_existing=True)
        self._appointments = wanted

    def next_call(self, name: str) -> float | None:
        """When an appointment comes next (wall clock, UTC), or None when it is unknown or over."""
        job = self._scheduler.get_job(name)
        moment = None if job is None else getattr(job, "next_run_time", None)
        return None if moment is None else float(moment.timestamp())

    def _watch_clock(self) -> None:
        """APScheduler sleeps until the next call as the clock says now, and would not notice a clock that is set."""
        offset = self._clock() - time.monotonic()
        while not self._stop.wait(self._pulse):
            before, offset = offset, self._clock() - time.monotonic()
            if offset < before - _STEP_SECONDS:
                LOG.warning("the clock was set back by %.0f s; the calendar is laid out again", before - offset)
                self._lay_out()
            self._scheduler.wakeup()

    def _lay_out(self) -> None:
        for name, appointment in self._appointments.items():
            self._scheduler.reschedule_job(name, trigger=cron_trigger(appointment.cron))
        self.laid_out += 1

    def _submitted(self, event: JobSubmissionEvent) -> None:
        """APScheduler hands a job over; several missed times are one call, and the newest of them counts."""
        due = max(moment.timestamp() for moment in event.scheduled_run_times)
        if self._clock() - due >= _LATE_SECONDS:
            self.runs[event.job_id, "late"] += 1

    def _guarded(self, appointment: Appointment) -> Callable[[], None]:
        def call() -> None:
            try:
                appointment.run()
            except Exception:  # one appointment that fails must not cost the next
                LOG.exception("the appointment %s failed", appointment.name)
                self.runs[appointment.name, "failed"] += 1
            else:
                self.runs[appointment.name, "done"] += 1

        return call
