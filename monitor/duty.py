"""What the config says about paging, as the desk and the command line need it."""

from alerts.duty import Duty
from alerts.maintenance import planned
from monitor.config import Config


def duty_of(config: Config) -> Duty:
    """Who is on call, which alert goes where, and what is planned."""
    return Duty(
        roster=config.oncall.roster,
        routes=config.routes,
        escalations=config.oncall.escalations,
        notifiers=tuple(channel.name for channel in config.notifiers),
        inhibit=config.inhibit,
        planned=lambda now: planned(config.maintenance, now),
    )
