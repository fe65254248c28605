"""The jobs' own reports."""

import sqlalchemy as sa
from alembic import op

revision = "heartbeats"
down_revision = "rule_alerts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "heartbeats",
        sa.Column("probe", sa.String(100), primary_key=True),
        sa.Column("waiting_since", sa.Double(), nullable=False),
        sa.Column("reported_at", sa.Double()),
        sa.Column("ok", sa.Boolean()),
        sa.Column("message", sa.Text()),
        sa.Column("deaf", sa.Double(), nullable=False),
        sa.Column("heard_until", sa.Double(), nullable=False),
    )
