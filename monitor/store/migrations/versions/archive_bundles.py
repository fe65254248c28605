"""The samples that long windows need."""

import sqlalchemy as sa
from alembic import op

revision = "archive_bundles"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY = ["location", "resolution", "ends_at"]


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "archive_bundles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Double(), nullable=False),
        sa.Column("starts_at", sa.Double(), nullable=False),
        sa.Column("ends_at", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_archive_bundles_location_resolution_ends_at", "archive_bundles", _KEY)
