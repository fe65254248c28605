"""Who wrote what long windows need."""

import sqlalchemy as sa
from alembic import op

revision = "archive_writers"
down_revision = "archive_bundles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("archive_bundles", sa.Column("writer", sa.String(32), nullable=False, server_default=""))
