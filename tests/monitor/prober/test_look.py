import asyncio
import time

import pytest

from monitor.prober.look import look, new_run, prepare
from probes.base import Finding, Outcome, Probe, ProbeSettings, Run
from probes.settings import Secret
from tests.monitor.prober import kinds

pytestmark = pytest.mark.anyio


async def see(probe, seconds=1.0):
    return await look(probe, new_run(seconds, time.time(), "here"))


def settings(**more):
    return ProbeSettings(name="it", type="it", timeout=0.1, **more)


async def test_a_finding_is_passed_on_as_it_is():
    assert (await see(kinds.TrivialProbe(settings()))).outcome is Outcome.UP


async def test_a_look_that_its_deadline_cuts_off_is_down():
    probe = kinds.SlowProbe(kinds.SlowSettings(name="it", takes=5.0, timeout=0.1))
    assert await see(probe, 0.1) == Finding(Outcome.DOWN, "no verdict within 100ms")


async def test_a_probe_that_knows_where_its_time_ran_out_says_so():
    probe = kinds.KnowingProbe(kinds.SlowSettings(name="it", takes=5.0, timeout=0.1))
    finding = await see(probe, 0.1)
    assert (finding.outcome, finding.reason) == (Outcome.DOWN, "no TLS handshake in time")


async def test_an_exception_is_unknown_in_one_line_and_without_the_secret():
    finding = await see(kinds.RaisingProbe(kinds.ToldSettings(name="it")))
    assert finding == Finding(Outcome.UNKNOWN, "could not look: RuntimeError: bad token … in two lines")


async def test_an_early_timeout_of_the_probe_s_own_is_not_the_shop_s_fault():
    class Early(Probe[ProbeSettings]):
        settings_model = ProbeSettings

        async def check(self, run: Run) -> Finding:
            raise TimeoutError("the token server did not answer")

    finding = await see(Early(settings()))
    assert finding == Finding(Outcome.UNKNOWN, "could not look: TimeoutError: the token server did not answer")


async def test_a_cancelled_part_of_the_probe_does_not_cancel_the_prober():
    class Torn(Probe[ProbeSettings]):
        settings_model = ProbeSettings

        async def check(self, run: Run) -> Finding:
            part = asyncio.ensure_future(asyncio.sleep(5))
            part.cancel()
            await part
            raise AssertionError("not reached")

    assert await see(Torn(settings())) == Finding(Outcome.UNKNOWN, "could not look: CancelledError")


async def test_whoever_cancels_a_look_is_obeyed():
    task = asyncio.ensure_future(see(kinds.SlowProbe(kinds.SlowSettings(name="it", takes=5.0)), 5.0))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_something_else_than_a_finding_is_unknown():
    class Mute(Probe[ProbeSettings]):
        settings_model = ProbeSettings

        async def check(self, run: Run) -> Finding:
            return None  # type: ignore[return-value]  # as a careless probe would

    finding = await see(Mute(settings()))
    assert finding.reason == "the probe answered with NoneType instead of a finding"


async def test_a_probe_that_cannot_open_could_not_look():
    class Shut(kinds.TrivialProbe):
        async def open(self) -> None:
            raise OSError("no such device")

    class Stuck(kinds.TrivialProbe):
        async def open(self) -> None:
            await asyncio.sleep(5)

    assert await prepare(Shut, settings()) == Finding(Outcome.UNKNOWN, "could not look: OSError: no such device")
    assert await prepare(Stuck, settings()) == Finding(
        Outcome.UNKNOWN, "could not look: the probe was not ready within 100ms"
    )


async def test_secrets_inside_nested_settings_are_hidden_too(tmp_path):
    class Nested(kinds.ToldSettings):
        inner: dict[str, tuple[kinds.ToldSettings, ...]]

    (tmp_path / "key").write_text("swordfish\n")
    inner = kinds.ToldSettings(name="x", token=Secret(file=tmp_path / "key"))
    missing = kinds.ToldSettings(name="y", token=Secret(file=tmp_path / "missing"))
    nested = Nested(name="it", message="swordfish and hunter2", inner={"a": (inner, missing)})
    finding = await see(kinds.RaisingProbe(nested))
    assert finding.reason == "could not look: RuntimeError: … and …"


async def test_every_run_has_an_id_of_its_own():
    runs = {new_run(1.0, 0.0, "here").run_id for _ in range(1000)}
    assert len(runs) == 1000
    assert all(run.isalnum() for run in runs)
