from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import Scope, Store, Vault


@dataclass
class Clock:
    """A clock that stands still until told otherwise."""

    now: int = 1_800_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scope() -> Scope:
    return Scope(guild_id=100)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.open(tmp_path / "vault", environ={})


@pytest.fixture
async def store(tmp_path: Path, vault: Vault, clock: Clock) -> AsyncIterator[Store]:
    async with Store.open(tmp_path / "likeness.db", vault=vault, clock=clock) as store:
        yield store
