"""Truth: subjects, photos, runs, votes and the rest in SQLite, and sealed blobs beside it. Begin reading at store.py."""

from storage.records import Scope
from storage.store import Store
from storage.vault import Vault

__all__ = ["Scope", "Store", "Vault"]
