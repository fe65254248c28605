"""The tables, the same for SQLite and PostgreSQL. Times are seconds since 1970, UTC.

To add a table: describe it at the end of this file, create it in a new file of migrations/versions (a test compares the
two), and put its queries into monitor/store/<noun>.py, as functions of a Connection.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: SQLite numbers rows by itself only in a column of exactly this type.
Id = BigInteger().with_variant(Integer, "sqlite")

#: One row an incident. The columns are what is searched; `body` is the whole, as JSON (alerts.incident.Incident).
incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(8), nullable=False, unique=True),
    Column("identity", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", String(32), nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("resolved_at", Double),
    Column("next_at", Double, index=True),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
)
Index("ix_incidents_identity_resolved_at", incidents.c.identity, incidents.c.resolved_at)
#: Two replicas that open the same incident at once: the second one fails, and looks again.
Index(
    "uq_incidents_open_identity",
    incidents.c.identity,
    unique=True,
    sqlite_where=incidents.c.resolved_at.is_(None),
    postgresql_where=incidents.c.resolved_at.is_(None),
)

#: What happened to an incident, in order: every change of state with its reason, who and by which way.
incident_events = Table(
    "incident_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("who", String(100), nullable=False),
    Column("text", Text, nullable=False),
)

#: What is to be told and to whom, written in the transaction that decided it. Sent ones stay, as the record.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    #: Names the transition, so that deciding it twice cannot tell it twice.
    Column("transition", String(200), nullable=False, unique=True),
    Column("notifier", String(100), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("recipients", JSON, nullable=False),
    Column("line", Text, nullable=False),
    Column("state", String(16), nullable=False),  # pending | sent | failed
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease", String(64)),
    Column("leased_until", Double),
    Column("finished_at", Double),
    Column("error", Text, nullable=False),
)
Index("ix_outbox_state_due_at", outbox.c.state, outbox.c.due_at)
Index("ix_outbox_incident_id_notifier", outbox.c.incident_id, outbox.c.notifier)

#: The channels' own proof that they were told, needed to edit the same message later.
receipts = Table(
    "receipts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident_id", Id, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("outbox_id", Id, nullable=False, index=True),
    Column("notifier", String(100), nullable=False),
    Column("at", Double, nullable=False),
    Column("message", JSON, nullable=False),
    Column("detail", Text, nullable=False),
)
Index("ix_receipts_incident_id_notifier", receipts.c.incident_id, receipts.c.notifier)

silences = Table(
    "silences",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("starts_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("updated_at", Double, nullable=False),
)

#: Slack's signatures seen within their window of validity: the second of the same is a replay.
seen_signatures = Table(
    "seen_signatures",
    metadata,
    Column("signature", String(128), primary_key=True),
    Column("at", Double, nullable=False, index=True),
)

#: The alerts that stand, so that neither a running `for` nor a firing alert is forgotten over a restart.
rule_alerts = Table(
    "rule_alerts",
    metadata,
    Column("id", Id, primary_key=True),
    #: SHA-256 over group, rule and labels, which together name an alert and may be long.
    Column("digest", String(64), nullable=False, unique=True),
    Column("rule_group", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("active_at", Double, nullable=False),
    Column("fired_at", Double),
    Column("missed_at", Double),
    #: As text, because an alert's value may be NaN or infinite.
    Column("value", String(32), nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("seen_at", Double, nullable=False),
)

#: What jobs reported on /heartbeat/NAME: the last report of each, and since when we expect one.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("probe", String(100), primary_key=True),
    Column("waiting_since", Double, nullable=False),
    Column("reported_at", Double),
    Column("ok", Boolean),
    Column("message", Text),
    #: Seconds since the last report in which Shopwatch itself was down, and until when it was surely up.
    Column("deaf", Double, nullable=False),
    Column("heard_until", Double, nullable=False),
)

#: One row a verification of a backup, written when it begins; without a verdict it still runs, or was killed.
verifications = Table(
    "verifications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("backup", String(100), nullable=False),
    Column("verdict", String(16)),
    Column("started_at", Double, nullable=False),
    Column("finished_at", Double),
    #: The whole (probes.backup.verification.Verification) as JSON.
    Column("body", Text),
)
Index("ix_verifications_backup_verdict_id", verifications.c.backup, verifications.c.verdict, verifications.c.id)

#: The samples that long windows need, many series and one span of time in a row: see monitor/archive.
archive_bundles = Table(
    "archive_bundles",
    metadata,
    Column("id", Id, primary_key=True),
    Column("location", Text, nullable=False),
    #: Seconds between samples.
    Column("resolution", Double, nullable=False),
    Column("starts_at", Double, nullable=False),
    Column("ends_at", Double, nullable=False),
    Column("samples", Integer, nullable=False),
    #: monitor.archive.bundle.encode
    Column("body", LargeBinary, nullable=False),
    #: The process that wrote it: only one of a location does at any time.
    Column("writer", String(32), nullable=False),
)
Index(
    "ix_archive_bundles_location_resolution_ends_at",
    archive_bundles.c.location,
    archive_bundles.c.resolution,
    archive_bundles.c.ends_at,
)
