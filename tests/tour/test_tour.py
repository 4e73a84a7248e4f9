"""The tour shows pictures that are there, tells what is on each, and stays small; and the camera can look at a page."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.tour.browser import browser, open_page
from tests.tour.walk import PHONE, WIDE

DOCS = Path(__file__).parents[2] / "docs"
PICTURE = re.compile(r'<img src="tour/([\w-]+\.webp)" width="(\d+)" alt="([^"]+)">')
ALL_TOGETHER = 2.5 * 2**20


def told() -> dict[str, tuple[int, str]]:
    """File -> the width it is shown at, and its words."""
    text = (DOCS / "tour.md").read_text(encoding="utf-8")
    return {name: (int(width), alt) for name, width, alt in PICTURE.findall(text)}


def test_every_picture_is_there_and_told() -> None:
    files = {file.name: file for file in (DOCS / "tour").iterdir()}
    assert set(told()) == set(files)
    assert (DOCS / "tour.md").read_text(encoding="utf-8").count("<img") == len(files)
    assert [name for name, (_, alt) in told().items() if len(alt) < 20] == []
    assert sum(file.stat().st_size for file in files.values()) < ALL_TOGETHER


def test_pictures_are_sharp_where_they_are_shown() -> None:
    for name, (width, _) in told().items():
        with Image.open(DOCS / "tour" / name) as picture:
            most = PHONE[0] * PHONE[2] if "-phone" in name else WIDE[0] * WIDE[2]
            assert width * 1.2 <= picture.width <= most, name
            assert picture.format == "WEBP" and picture.height > 60


async def test_the_camera_sees_a_page() -> None:
    program = browser()
    if program is None:
        pytest.skip("no Chromium or Chrome is installed here")
    async with open_page(program) as page:
        await page.size(390, 300, scale=2, phone=True)
        await page.open("data:text/html,<body style='margin:0;background:rgb(0,128,0)'><p id=here>hello</p>")
        await page.until("document.querySelector('#here')?.textContent === 'hello'", "the page")
        with Image.open(io.BytesIO(await page.picture({"x": 0, "y": 100, "width": 50, "height": 40}))) as seen:
            assert seen.size == (100, 80) and seen.convert("RGB").getpixel((50, 40)) == (0, 128, 0)
