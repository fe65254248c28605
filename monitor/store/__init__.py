"""What must survive a restart: incidents, pages not yet told, silences; SQLite by default, PostgreSQL by URL."""

from monitor.store.database import Store
from monitor.store.engine import StoreError

__all__ = ["Store", "StoreError"]
