"""The steps from an empty database to the schema of today, run by Alembic at every start."""
