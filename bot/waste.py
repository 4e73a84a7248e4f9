"""What crashes leave on the disk is removed: once at the start, and then once a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from storage.errors import StorageError
from storage.store import Store

log = logging.getLogger(__name__)

DAY_S = 24 * 3600


async def collect_daily(store: Store, wait: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """For as long as it is let run. What goes wrong is written down and tried again the next day."""
    while True:
        try:
            count = await store.orphans.collect_everywhere()
        except (StorageError, OSError) as error:
            log.error("blobs that no row names could not be removed: %s", type(error).__name__)
        else:
            if count:
                log.info("%d blobs that no row named were removed", count)
        await wait(DAY_S)
