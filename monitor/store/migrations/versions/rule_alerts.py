"""The alerts that stand, for a restart."""

import sqlalchemy as sa
from alembic import op

revision = "rule_alerts"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "rule_alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rule_group", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("active_at", sa.Double(), nullable=False),
        sa.Column("fired_at", sa.Double()),
        sa.Column("missed_at", sa.Double()),
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("annotations", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.UniqueConstraint("digest", name="uq_rule_alerts_digest"),
    )
