"""The page in Chromium: it sorts, filters and switches its theme, logs nothing, and asks for nothing but itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from report.browser import BROWSER, Tab, started, tab_of
from report.fleets import HOSTILE, published

from job.config import Config
from job.report import shown
from job.report.build import plan, read
from job.report.moment import Moment
from job.report.page import Part, html
from job.report.section import Section, Table
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Result
from job.views import views

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")]

SORT = """
(() => {
  const table = document.getElementById("resources").closest("table");
  const column = (at) => [...table.tBodies[0].rows].map((row) => row.cells[at].textContent);
  const heads = table.tHead.rows[0].cells;
  heads[4].querySelector("button").click();
  const [first, state] = [column(4), heads[4].getAttribute("aria-sort")];
  heads[0].querySelector("button").click();
  heads[0].querySelector("button").click();
  return [first, state, column(0), heads[0].getAttribute("aria-sort"), heads[4].getAttribute("aria-sort")];
})()"""
FILTER = """
(() => {
  const table = document.getElementById("numbers").closest("table");
  const input = table.querySelector("input");
  input.value = "WORD 1";
  input.dispatchEvent(new Event("input"));
  const shown = [...table.tBodies[0].rows].filter((row) => !row.hidden).length;
  return [shown, table.querySelector("output").textContent.replace(/of \\d+/, "of n")];
})()"""
THEME = """
(() => {
  const paper = () => getComputedStyle(document.body).backgroundColor;
  const theme = document.getElementById("theme");
  return ["light", "dark"].map((name) => {
    theme.value = name;
    theme.dispatchEvent(new Event("change"));
    return paper();
  });
})()"""
WIDTH = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


async def examined(address: str, page: Path) -> tuple[Tab, dict[str, Any]]:
    scripts = {"sort": SORT, "filter": FILTER, "theme": THEME, "title": "document.title"}
    async with tab_of(address) as tab:
        await tab.open(page)
        found = {name: await tab.value(script) for name, script in scripts.items()}
        for width in (360, 1920):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
            await tab.call("Emulation.setDeviceMetricsOverride", **size)
            found[f"fits {width}"] = await tab.value(WIDTH)
        found["alerts"] = tab.named("Page.javascriptDialogOpening")
        return tab, found


def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    ask = open_warehouse(Config(), sink=published(tmp_path / "fleet.duckdb", HOSTILE)).query
    moment = Moment(datetime(2026, 1, 3, tzinfo=UTC))
    found = read(plan(moment, views()), ask, sink=HOSTILE, now=datetime.now(UTC))
    numbers = Table("numbers", "Numbers", "SELECT 1")
    rows = [(f"word {number}", number, number << 30, 12) for number in range(12)]
    columns = (("name", "STRING"), ("count", "INT64"), ("memory_bytes", "INT64"), ("rows_in_all", "INT64"))
    section = Section("more", "More", "Rows enough for a filter.", (numbers,))
    found.parts.append(Part(section, [shown.read(numbers, moment, lambda _: Result(columns, rows))]))
    page = tmp_path / "fleet.html"
    page.write_text(html(found, views()))
    with started(tmp_path / "profile") as address:
        tab, seen = asyncio.run(examined(address, page))
    counts, state, resources, order, other = seen["sort"]
    assert (state, order, other) == ("descending", "descending", None)
    assert counts == sorted(counts, key=int, reverse=True)
    assert resources == sorted(resources, reverse=True)
    assert seen["filter"] == [3, "3 of n rows"]  # 1, 10 and 11
    assert seen["theme"] == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]
    assert (seen["fits 360"], seen["fits 1920"], seen["alerts"]) == (True, True, [])
    problems = tab.named("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert problems == []
    requests = {event["params"]["request"]["url"] for event in tab.named("Network.requestWillBeSent")}
    assert requests == {page.as_uri()}
