"""Verifications of backups."""

import sqlalchemy as sa
from alembic import op

revision = "verifications"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "verifications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("backup", sa.String(100), nullable=False),
        sa.Column("verdict", sa.String(16)),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double()),
        sa.Column("body", sa.Text()),
    )
    op.create_index("ix_verifications_backup_verdict_id", "verifications", ["backup", "verdict", "id"])
