"""Links with anything in them open the page, and commands reach Python in order. Skipped without Chromium."""

import json
from urllib.parse import quote

import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
LR = '[data-field="lr"] input[type="number"]'


@pytest.mark.parametrize(
    ("place", "unknown"),
    [
        ("networks&hidden=5", "hidden"),
        ("networks&hidden=[4,null]", "hidden"),
        ("networks&data=points&points=[1]", "points"),
        ("networks&lr=null", "lr"),
        ("networks&constructor=1", "constructor"),
        ("networks&__proto__={}", "__proto__"),
        ("descent&starts=[1]", "starts"),
        ("descent&starts=[[1]]", "starts"),
        ("descent&optimizers=[null]", "optimizers"),
        ("lr=1&preset=saddle", "lr"),
        ("networks&preset=none", "preset none"),
        ("networks&lr=%", "lr"),
    ],
)
def test_a_part_of_a_link_that_has_no_meaning_is_left_out(page: Page, place: str, unknown: str) -> None:
    page.open(quote(place, safe="=&[],{}%"))
    assert page.text("#problem").endswith(f"were left out: {unknown}.")
    assert page.text(".field-error") == ("" if "points" not in place else page.text(".points .field-error"))


def test_a_link_may_change_settings_of_a_preset(page: Page) -> None:
    page.open("preset=xor&lr=0.5")
    assert (page.value(LR), page.text("#panel-networks .presets [aria-pressed='true']")) == ("0.5", "")
    page.click("#tab-code")
    assert "lr=0.5" in page.hash
    assert "preset" not in page.hash


def test_a_setting_that_was_just_changed_is_not_written_to_the_next_view(page: Page) -> None:
    page.open("networks&hidden=[3]")
    page.set(LR, 0.3)
    page.click("#tab-descent")
    page.evaluate("new Promise(done => setTimeout(done, 400))")
    assert page.hash.startswith("#descent")
    page.evaluate("history.back()")
    page.tab.wait_for("location.hash.includes('lr=0.3')")


WITH_ENGINE = """(async () => {
  const { connect } = await import(new URL("transport.js", location.href));
  const engine = await connect();
  const original = window.fetch;
  let requests = 0;
  window.fetch = async (...request) => {
    if (++requests > 1) return original(...request);
    await new Promise((done) => setTimeout(done, 300));
    return %s;
  };
  try {
    %s
  } finally {
    window.fetch = original;
  }
})()"""
"""Uses an engine of its own, whose first request is slow."""


def test_commands_arrive_in_the_order_in_which_they_were_asked(page: Page) -> None:
    page.open("networks&hidden=[3]")
    step = {"do": "step", "steps": 2, "budget_ms": 10_000}
    commands = json.dumps([{"do": "networks", "settings": {"hidden": [2]}}, step, step])
    ask = f"return (await Promise.all({commands}.map((command) => engine.ask(command)))).map(({{ step }}) => step);"
    assert page.evaluate(WITH_ENGINE % ("original(...request)", ask)) == [0, 2, 4]


def test_a_request_that_fails_after_a_restart_does_not_end_the_new_session(page: Page) -> None:
    page.open("networks&hidden=[3]")
    script = """const old = engine.ask({ do: "presets" }).catch((error) => error.message);
    await new Promise((done) => setTimeout(done, 50));
    await engine.restart();
    await new Promise((done) => setTimeout(done, 400));
    return [await old, (await engine.ask({ do: "presets" })).kind];"""
    gone = 'new Response("This session has ended.", { status: 410 })'
    assert page.evaluate(WITH_ENGINE % (gone, script)) == ["The engine was restarted.", "presets"]
