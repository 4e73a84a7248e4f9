"""A headless Chromium, driven over its own debugging protocol: enough to open a page, press and fill in, and take a picture.

No browser is shipped or downloaded: one that is installed is used, and whoever asks for it is told where there is none.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
PATIENCE_S = 60.0
LOOK_S = 0.1


def browser() -> str | None:
    """Where one is installed; None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name)) is not None), None)


@dataclass
class Page:
    """One tab."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: Any = field(default_factory=lambda: count(1))
    waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict[int, "asyncio.Future[Any]"])

    async def listen(self) -> None:
        async for message in self.socket:
            answer = json.loads(message.data)
            waiter = self.waiting.pop(answer.get("id", 0), None)
            if waiter is not None and not waiter.done():
                waiter.set_result(answer)

    async def ask(self, method: str, **values: Any) -> Any:
        number = next(self.numbers)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": number, "method": method, "params": values})
        answer = await asyncio.wait_for(self.waiting[number], PATIENCE_S)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    async def size(self, width: int, height: int, *, scale: float = 1.0, phone: bool = False) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )

    async def open(self, url: str) -> None:
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=url)

    async def js(self, code: str) -> Any:
        """The value of an expression; promises are waited for."""
        found = await self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return found["result"].get("value")

    async def until(self, code: str, what: str, seconds: float = PATIENCE_S) -> Any:
        """Until the expression is true in the page."""
        async with asyncio.timeout(seconds):
            while not (value := await self.js(code)):  # noqa: ASYNC110 - the page tells nobody when it is ready
                await asyncio.sleep(LOOK_S)
        return value

    async def files(self, selector: str, paths: list[Path]) -> None:
        """Choose files in a file field."""
        found = await self.ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        await self.ask(
            "DOM.setFileInputFiles", files=[str(path) for path in paths], objectId=found["result"]["objectId"]
        )

    async def picture(self, clip: dict[str, float] | None = None) -> bytes:
        """PNG of what is seen, or of a part of it. What is outside of the window is not there: a page that goes by its window
        would lay itself out anew for it."""
        more: dict[str, Any] = {} if clip is None else {"clip": {**clip, "scale": 1}}
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png", **more))["data"])


@asynccontextmanager
async def open_page(program: str) -> AsyncIterator[Page]:
    # The browser's own children write into its profile for a moment after it has ended.
    with TemporaryDirectory(prefix="likeness-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    tab = next(tab for tab in await answer.json() if tab["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    listening = asyncio.create_task(page.listen())
                    try:
                        yield page
                    finally:
                        listening.cancel()
                        await asyncio.gather(listening, return_exceptions=True)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    async with asyncio.timeout(PATIENCE_S):
        while not file.exists() or not file.read_text().strip():  # noqa: ASYNC110 - nor does the browser
            await asyncio.sleep(LOOK_S)
    return int(file.read_text().splitlines()[0])
