"""The console: the JSON behind it, what its page may load, and the page itself in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flowkit import COUNT
from serverkit import Model, Running, counting, running

from stepflow.model import Step
from stepflow.server import console

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, COUNT, model=counting()) as found:
        yield found


def story(server: Running, reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"/console/requests/{reply.headers['x-stepflow-trace']}").json()
    return found


def test_a_request_opened_shows_its_steps_beside_the_cached_ones(server: Running) -> None:
    server.chat()
    server.model.answers["*"] = "3\n4\n5"
    told = story(server, server.chat("count to 5"))
    assert told["outcome"] == "patch"
    assert [(step["was"], step["text"], step["cached"]) for step in told["steps"]] == [
        ("kept", "1", "1"), ("kept", "2", "2"), ("kept", "3", "3"), ("patched", "4", None), ("patched", "5", None),
    ]  # fmt: skip


def test_each_verdict_names_the_line_of_yaml_behind_it(server: Running) -> None:
    told = story(server, server.chat())
    verdicts = [event["data"] for event in told["journal"] if "check" in event.get("data", {})]
    assert len(verdicts) >= 4
    assert all(re.search(r"rule-0\.yaml:\d+$", verdict["where"]) for verdict in verdicts)


def test_a_hit_shows_every_step_kept_and_a_miss_every_step_new(server: Running) -> None:
    assert {step["was"] for step in story(server, server.chat())["steps"]} == {"new"}
    assert {step["was"] for step in story(server, server.chat("please count to 3"))["steps"]} == {"kept"}
    assert {step["was"] for step in story(server, server.chat())["steps"]} == {"kept"}


@pytest.mark.parametrize(
    ("served", "reused", "rewritten", "was"),
    [
        (["1. a", "2. b"], ["1. a", "2. x"], [], ["kept", "patched"]),
        (["1. a", "2. b"], ["1. a", "2. x"], ["b"], ["kept", "rewritten"]),
        (["1. a", "2. b", "3. c"], ["1. a"], [], ["kept", "patched", "patched"]),
        (["1. a"], None, [], ["new"]),
    ],
)
def test_a_step_was_kept_rewritten_or_patched(
    served: list[str], reused: list[str] | None, rewritten: list[str], was: list[str]
) -> None:
    steps = [Step(index, text) for index, text in enumerate(served, start=1)]
    cached = None if reused is None else [Step(index, text) for index, text in enumerate(reused, start=1)]
    assert [row["was"] for row in console.side_by_side(steps, cached, rewritten)] == was


def test_the_state_lists_requests_under_way_and_the_rates_of_rules(server: Running) -> None:
    for prompt in ("count to 3", "count to 3", "please count to 3", "hello"):
        server.chat(prompt)
    state = server.client.get("/console/state").json()
    assert [each["outcome"] for each in state["requests"]] == ["passthrough", "reuse", "exact", "miss"]
    rules = {each["rule"]: each for each in state["rules"]}
    assert (rules["count"]["requests"], rules["count"]["exact"], rules["count"]["tokens_saved"]) == (3, 1, 20)
    assert rules[""]["passthrough"] == 1


def test_money_is_shown_where_prices_are_known(server: Running) -> None:
    server.house.current.prices = (0.01, 0.1)
    server.chat()
    server.chat()
    saved = [each["dollars_saved"] for each in server.client.get("/console/state").json()["requests"]]
    assert saved == [pytest.approx(0.37), 0.0]


def test_records_are_found_by_any_of_their_texts(server: Running) -> None:
    server.chat()
    server.chat("count to 4", stepflow={"no_cache": True})
    for wanted, count in (("", 2), ("COUNT TO", 2), ("to 4", 1), ("nowhere", 0)):
        assert len(server.client.get("/v1/records", params={"q": wanted}).json()["data"]) == count
    found = server.client.get("/v1/records", params={"limit": 1}).json()["data"]
    assert [each["prompt"] for each in found] == ["count to 4"]
    whole = server.client.get(f"/v1/records/{found[0]['id']}").json()
    assert ([step["text"] for step in whole["steps"]], whole["constraints"]) == (["1", "2", "3", "4"], {"last": 4})


def test_only_the_newest_requests_are_kept(tmp_path: Path) -> None:
    with running(tmp_path, model=Model(), recent=3) as server:
        first = server.chat("hello 0").headers["x-stepflow-trace"]
        for number in range(1, 5):
            server.chat(f"hello {number}")
        assert len(server.client.get("/console/state").json()["requests"]) == 3
        assert server.client.get(f"/console/requests/{first}").status_code == 404


def test_the_page_loads_nothing_from_anywhere_and_runs_its_own_script_only(server: Running) -> None:
    page = server.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"(?:src|href)=[\"'](?!data:,)", page.text)
    assert "http:" not in page.text
    assert "https:" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "innerHTML" not in page.text


# --- in a browser ----------------------------------------------------------------------------------------------------


@pytest.fixture
def browser(tmp_path: Path) -> Any:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")

    def open_page(url: str, milliseconds: int = 4000, width: int = 1280) -> str:
        command = [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
            f"--user-data-dir={tmp_path / 'profile'}", f"--virtual-time-budget={milliseconds}",
            f"--window-size={width},900", "--dump-dom", url,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout

    return open_page


@pytest.mark.browser
def test_the_page_shows_requests_and_rules_in_a_real_browser(server: Running, browser: Any) -> None:
    server.chat()
    server.chat("<img src=x onerror=alert(1)> count to 3")
    dom = browser(server.url + "/")
    rows = re.findall(r'<tr class="row".*?</tr>', dom, re.DOTALL)
    assert len(rows) == 2
    assert "count to 3" in dom
    assert "<img" not in dom  # prompts are text, never markup
    assert re.search(r"tokens saved</span>", dom)
    assert re.search(r"<td>count</td>", dom)


@pytest.mark.browser
def test_keys_open_a_request_with_its_steps_coloured_and_its_verdicts_placed(server: Running, browser: Any) -> None:
    """The page is driven from within, by a script that the browser is given for it."""
    server.chat()
    server.model.answers["*"] = "3\n4\n5"
    server.chat("count to 5")
    driven = _driven(server, browser, OPEN_NEWEST)
    assert re.search(r'<td class="kept">kept</td><td class="text">1</td>', driven)
    assert re.search(r'<td class="patched">patched</td>', driven)
    assert re.search(r"<code>\s*[^<]*rule-0\.yaml:\d+</code>", driven)
    assert 'aria-current="true"' in driven


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "shown"), [(500, "Outcome,Final,Rule,Prompt"), (1280, "Time,Outcome,Final,Rule,Prompt,")]
)
def test_a_narrow_window_shows_the_columns_that_matter_and_never_scrolls_sideways(
    server: Running, browser: Any, width: int, shown: str
) -> None:
    server.house.current.prices = (0.001, 0.002)
    server.chat("count to 3, please, " + "which is a long prompt " * 20 + "w" * 80)
    server.chat(stepflow={"namespace": "night-shift"})
    server.chat(stepflow={"namespace": "night-shift"})
    driven = _driven(server, browser, MEASURE, width)
    second_lines = re.search(r'data-more="([^"]*)"', driven)
    assert second_lines is not None
    for said in ("saved 10 · saved $0.01300", "rewritten 0 (0 %)", "/night-shift · model"):
        assert (said in second_lines[1]) == (width <= 700)
    assert f'data-shown="{shown}' in driven
    assert re.search(r'data-sideways="0,0,0"', driven)
    assert ("ms,Calls" in driven) == (width > 700)


@pytest.mark.browser
def test_escape_closes_a_record_and_goes_back_to_its_row(server: Running, browser: Any) -> None:
    server.chat()
    driven = _driven(server, browser, OPEN_RECORD_AND_ESCAPE)
    assert 'data-seen="Record ' in driven
    assert '<div id="record" tabindex="-1" aria-live="polite"></div>' in driven
    assert re.search(r'data-focused="[0-9a-z]+"', driven)


OPEN_NEWEST = (
    "setTimeout(() => { const row = document.querySelector('tr.row'); row.focus(); "
    "row.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true})); }, 700);"
)
OPEN_RECORD_AND_ESCAPE = (
    "const press = (on, key) => on.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));"
    "setTimeout(() => choose('records'), 500);"
    "setTimeout(() => { const row = document.querySelector('#record-rows tr');"
    "  row.focus(); press(row, 'Enter'); }, 1500);"
    "setTimeout(() => { document.body.dataset.seen = $('record').textContent; press(document.activeElement, 'Escape');"
    "  document.body.dataset.focused = document.activeElement.dataset.id; }, 2500);"
)
MEASURE = OPEN_NEWEST + (
    "const far = []; const look = () => { const open = tabs.find(each => !$(each).hidden);"
    "  const box = $(open).querySelector('.scroll'); far.push(box.scrollWidth - box.clientWidth);"
    "  if (open === 'requests') document.body.dataset.shown = [...box.querySelectorAll('th')]"
    "    .filter(each => each.offsetWidth).map(each => each.textContent).join(',');"
    "  document.body.dataset.more = (document.body.dataset.more || '') + [...box.querySelectorAll('.more')]"
    "    .filter(each => each.offsetWidth).map(each => each.textContent).join();"
    "  document.body.dataset.sideways = far.join(','); };"
    "tabs.forEach((name, at) => setTimeout(() => { choose(name); setTimeout(look, 300); }, 1500 + 500 * at));"
)


def _driven(server: Running, browser: Any, script: str, width: int = 1280) -> str:
    """The page as a copy of its own script with more at its end leaves it."""
    page = console.PAGE.replace("</script>", script + "</script>")
    kept = console.PAGE, dict(console.PAGE_HEADERS)
    console.PAGE = page
    console.PAGE_HEADERS.clear()
    try:
        return str(browser(server.url + "/", 5000, width))
    finally:
        console.PAGE = kept[0]
        console.PAGE_HEADERS.update(kept[1])
