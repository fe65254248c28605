"""Notifiers: one file per channel; each turns a Page into a message and answers with a Receipt."""

from probes.registry import Registry

#: Every built-in notifier.
CHANNELS = Registry(
    "shopwatch.notifiers",
    {
        "console": "alerts.notifiers.console:ConsoleNotifier",
        "slack": "alerts.notifiers.slack:SlackNotifier",
    },
)

#: The notifier of a config that names none.
IMPLIED = "console"
