"""The first tables: incidents with their story, the outbox with its receipts, silences."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_incident() -> sa.Column[int]:
    return sa.Column("incident_id", _ID, sa.ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "incidents",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("key", sa.String(8), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(32), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("resolved_at", sa.Double()),
        sa.Column("next_at", sa.Double()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("key", name="uq_incidents_key"),
    )
    op.create_index("ix_incidents_next_at", "incidents", ["next_at"])
    op.create_index("ix_incidents_identity_resolved_at", "incidents", ["identity", "resolved_at"])
    op.create_index(
        "uq_incidents_open_identity",
        "incidents",
        ["identity"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "incident_events",
        sa.Column("id", _ID, primary_key=True),
        _of_incident(),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    op.create_index("ix_incident_events_incident_id", "incident_events", ["incident_id"])
    op.create_table(
        "outbox",
        sa.Column("id", _ID, primary_key=True),
        _of_incident(),
        sa.Column("transition", sa.String(200), nullable=False),
        sa.Column("notifier", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease", sa.String(64)),
        sa.Column("leased_until", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.UniqueConstraint("transition", name="uq_outbox_transition"),
    )
    op.create_index("ix_outbox_state_due_at", "outbox", ["state", "due_at"])
    op.create_index("ix_outbox_incident_id_notifier", "outbox", ["incident_id", "notifier"])
    op.create_table(
        "receipts",
        sa.Column("id", _ID, primary_key=True),
        _of_incident(),
        sa.Column("outbox_id", _ID, nullable=False),
        sa.Column("notifier", sa.String(100), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("message", sa.JSON(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
    )
    op.create_index("ix_receipts_incident_id_notifier", "receipts", ["incident_id", "notifier"])
    op.create_index("ix_receipts_outbox_id", "receipts", ["outbox_id"])
    op.create_table(
        "silences",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
    )
    op.create_index("ix_silences_ends_at", "silences", ["ends_at"])
    op.create_table(
        "seen_signatures",
        sa.Column("signature", sa.String(128), primary_key=True),
        sa.Column("at", sa.Double(), nullable=False),
    )
    op.create_index("ix_seen_signatures_at", "seen_signatures", ["at"])
