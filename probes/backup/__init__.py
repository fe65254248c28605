"""Backup engines: one file per kind; each fetches, restores and questions a backup. Judging is shared and pure."""

from probes.registry import Registry

#: Every built-in backup engine.
ENGINES = Registry(
    "shopwatch.backups",
    {
        "postgres-dump": "probes.backup.postgres:PostgresDump",
        "sqlite": "probes.backup.sqlite:SqliteCopy",
    },
)
