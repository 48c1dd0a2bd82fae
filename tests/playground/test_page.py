"""The playground's page does what a reader expects of it. Skipped where Chromium is not installed."""

import re
from urllib.parse import quote

import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
SMALL = "networks&hidden=[3]&epochs=20"
LR = '[data-field="lr"] input[type="number"]'


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_each_view_fits_the_screen(page: Page, width: int, dark: bool) -> None:
    page.load("networks", width=width, dark=dark)
    for name in ("networks", "descent", "code"):
        page.click(f"#tab-{name}")
        page.wait("paused")
        assert page.shown(f"#panel-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, all settings open"
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(shade) < 64) == dark


def test_what_can_be_used_has_a_name(page: Page) -> None:
    page.open("networks&data=points")
    for name in ("networks", "descent", "code"):
        page.click(f"#tab-{name}")
        page.wait("paused", "error")
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, select, textarea')].filter(e => e.checkVisibility() && "
            "!(e.getAttribute('aria-label') || e.textContent.trim() || [...(e.labels ?? [])].some(l => l.innerText)))"
            ".map(e => e.outerHTML)"
        )
        assert nameless == []
        silent = page.evaluate(
            "[...document.querySelectorAll('canvas')].filter(c => c.checkVisibility() && !c.ariaLabel"
            " && !c.closest('button, [aria-hidden]')).map(c => c.outerHTML)"
        )
        assert silent == []


def test_settings_survive_in_the_address(page: Page) -> None:
    page.open(SMALL)
    assert page.value('[name="data"]:checked') == "xor"
    page.click('[name="data"][value="moons"]')
    page.set(LR, 0.3)
    page.tab.wait_for("location.hash.includes('lr=0.3')")
    assert "data=moons" in page.hash
    assert "seed" not in page.hash, "defaults are left out"
    code = page.text("#panel-networks .code-below pre")
    assert "make_moons" in code
    assert "lr=0.3" in code
    page.load(page.hash.lstrip("#"))
    assert (page.value(LR), page.value('[name="data"]:checked')) == ("0.3", "moons")
    assert page.text("#panel-networks .code-below pre") == code


def test_back_and_forward_return_to_views(page: Page) -> None:
    page.open(SMALL)
    page.click("#tab-descent")
    page.click("#tab-code")
    assert page.hash.startswith("#code&of=descent")
    page.evaluate("history.go(-2)")
    page.tab.wait_for("document.querySelector('#panel-networks').checkVisibility()")
    page.wait("paused")
    assert "epochs=20" in page.text("#panel-networks .code-below pre")
    page.evaluate("history.forward()")
    page.tab.wait_for("document.querySelector('#panel-descent').checkVisibility()")


def test_a_link_with_mistakes_says_so(page: Page) -> None:
    page.open("networks&colour=red&lr=-1")
    assert "colour" in page.text("#problem")
    assert "Learning rate must be a number from 1e-06 to 100" in page.text('[data-field="lr"] .field-error')
    assert page.evaluate("document.querySelector('[data-field=\"lr\"] [aria-invalid]') !== null")
    assert page.text(".counter-text") == "Change “Learning rate” to go on"
    page.set(LR, 0.1)
    page.wait("paused")
    assert page.text(".field-error") == ""
    assert page.text(".counter-text").startswith("step 0")


def test_run_pause_step_epoch_and_reset(page: Page) -> None:
    page.open("networks&hidden=[3]&epochs=100000")
    page.press_button("Step")
    page.tab.wait_for("document.querySelector('.counter-text').textContent.startsWith('step 1,')")
    page.press_button("Epoch")
    page.tab.wait_for("document.querySelector('.counter-text').textContent.startsWith('step 7,')")
    page.evaluate("document.activeElement.blur()")
    page.key(" ")
    page.wait("running")
    page.tab.wait_for("parseInt(document.querySelector('.counter-text').textContent.slice(5)) > 100")
    page.key(" ")
    page.wait("paused")
    page.press_button("Reset")
    page.tab.wait_for("document.querySelector('.counter-text').textContent.startsWith('step 0,')")


def test_changing_a_setting_while_it_runs_starts_again(page: Page) -> None:
    page.open("networks&hidden=[3]&epochs=100000")
    page.press_button("Run")
    page.wait("running")
    page.click("[aria-label^='Add a unit']")
    page.tab.wait_for("document.querySelectorAll('.unit').length === 7")
    page.wait("running")
    page.tab.wait_for("location.hash.includes('hidden=[4]')")
    page.press_button("Pause")


def test_the_arrow_keys_move_between_units_and_show_their_numbers(page: Page) -> None:
    page.open(SMALL)
    page.evaluate("document.querySelector('.unit').focus()")
    page.key("ArrowRight")
    page.key("ArrowDown")
    assert page.evaluate("document.activeElement.ariaLabel") == "Layer 1, unit 2"
    assert page.text("#boundary-title") == "Layer 1, unit 2"
    rows = page.text("#unit li").split("\n")
    assert [row.split(":")[0] for row in rows] == ["Input x₁", "Input x₂"]
    assert all(re.fullmatch(r".*: −?[\d.]+", row) for row in rows), "there are no gradients before the first step"
    assert page.text("#unit p").startswith("Layer 1, unit 2 in Dense(2, 3), bias")
    page.press_button("Step")
    page.tab.wait_for("document.querySelector('#unit li').innerText.includes('(')")
    rows = page.text("#unit li").split("\n")
    assert all(re.fullmatch(r".*: −?[\d.]+ \(−?[\d.e−]+\)", row) for row in rows), rows


def test_the_mouse_shows_the_numbers_of_a_unit_and_of_a_weight(page: Page) -> None:
    page.open("networks&hidden=[2]")
    page.evaluate("document.activeElement.blur()")
    page.point_at(".unit[aria-label='Output']", 0.5, 0.5)
    page.tab.wait_for("document.getElementById('boundary-title').textContent === 'Output'")
    assert page.evaluate("document.querySelectorAll('#unit li').length") == 2
    across, down = page.evaluate(
        "(() => { const svg = document.querySelector('.network svg'), line = svg.lastElementChild;"
        "const { x, y } = line.getPointAtLength(0.3 * line.getTotalLength());"
        "return [x / svg.clientWidth, y / svg.clientHeight]; })()"
    )
    page.point_at(".network svg", across, down)
    page.tab.wait_for("document.querySelectorAll('#unit li').length === 1")
    assert page.text("#unit li").startswith("Layer 1, unit 2: ")
    assert page.text("#unit p").startswith("Output")
    page.point_at("#losses", 0.5, 0.5)
    page.tab.wait_for("!document.querySelector('#unit li')")
    assert page.text("#boundary-title") == "Decision boundary"


def test_own_points(page: Page) -> None:
    page.open("networks&data=points&test_share=0&hidden=[4]&lr=0.5&epochs=300")
    assert page.text(".points .field-error") == ""
    assert "At least two points of each class are needed, got 0 and 0." in page.text(".points")
    for across, down in ((0.2, 0.2), (0.25, 0.3), (0.3, 0.25)):
        page.click_at("#boundary", across, down)
    for across, down in ((0.8, 0.8), (0.75, 0.7), (0.7, 0.6)):
        page.click_at("#boundary", across, down, shift=True)
    page.wait("paused")
    page.tab.wait_for("location.hash.split('],[').length === 6")
    page.press_button("Run")
    page.wait("finished")
    assert "100.0 % accuracy" in page.text("#network-numbers")
    page.press_button("Undo")
    page.wait("paused", "running")
    page.tab.wait_for("location.hash.split('],[').length === 5")
    for points in (6, 5):
        page.evaluate("history.back()")
        page.tab.wait_for(f"location.hash.split('],[').length === {points}")
    page.wait("paused")
    assert (
        page.text("#panel-networks .code-below pre").count(", 1]")
        + page.text("#panel-networks .code-below pre").count(", 0]")
        == 5
    )


def test_own_csv(page: Page) -> None:
    page.open("networks&test_share=0&hidden=[4]&lr=0.5")
    page.click('[name="data"][value="csv"]')
    page.wait("error")
    assert page.text(".field-error") + page.text("#network-numbers") + page.text("#losses-key") == ""
    assert "Paste a table" in page.text("form.controls")
    assert page.text(".counter-text") == "Waiting for data"
    assert page.evaluate("document.querySelectorAll('.unit').length") == 0
    area = "textarea[placeholder]"
    page.set(area, "1, 2, a\n3, x, b")
    page.tab.wait_for("document.querySelector('.controls').innerText.includes('line 2')")
    page.evaluate(f"document.querySelector('{area}').dispatchEvent(new Event('input'))")
    assert page.text(".field-error") == "", "an error goes as soon as one edits"
    page.set(area, "width,height,kind\n" + "\n".join(f"{i}, {i % 3}, {'ab'[i > 9]}" for i in range(20)))
    page.wait("paused")
    assert "[19.0, 1.0, 1]" in page.text("#panel-networks .code-below pre")
    page.press_button("Run")
    page.wait("finished")
    assert "100.0 % accuracy" in page.text("#network-numbers")
    page.evaluate(
        "(() => { const files = new DataTransfer();"
        "files.items.add(new File(['7,8,0\\n8,7,1\\n7,9,0\\n9,7,1'], 'a.csv'));"
        "const field = document.querySelector('[type=file]'); field.files = files.files;"
        "field.dispatchEvent(new Event('change')); })()"
    )
    page.tab.wait_for("document.querySelector('#panel-networks .code-below pre').innerText.includes('[7.0, 9.0, 0]')")


def test_a_click_adds_a_start(page: Page) -> None:
    page.open("descent&steps=50")
    page.click_at("#landscape", 0.5, 0.25)
    page.tab.wait_for("document.querySelectorAll('#fates li').length === 2")
    page.press_button("Run")
    page.wait("finished")
    assert page.text("#fates li").count("unfinished") == 2
    assert page.text("#announce").count("unfinished") == 2


def test_an_own_expression_and_its_error(page: Page) -> None:
    page.open("descent&objective=expression&steps=200")
    field = "#panel-descent input[type='text']"
    page.set(field, "(x - 1)**2 + import")
    page.wait("error")
    assert page.text("#panel-descent .field-error")
    page.set(field, "(x - 1)**2 + y**2")
    page.wait("paused")
    assert "return (x - 1)**2 + y**2" in page.text("#panel-descent .code-below pre")


def test_code_runs_and_shows_output_and_errors(page: Page) -> None:
    page.open("code&of=networks&epochs=20&hidden=[3]")
    page.press_button("Run")
    page.tab.wait_for("document.getElementById('code-state').textContent.startsWith('Done')")
    assert page.text("#output").startswith("training loss: 0.")
    page.set("#code", "print('before')\n1 / 0")
    assert page.shown("#code-back")
    page.evaluate("document.getElementById('code').focus()")
    page.key("Enter", modifiers=2)
    page.tab.wait_for("!document.getElementById('code-error').hidden")
    assert page.text("#output").strip() == "before"
    assert "ZeroDivisionError" in page.text("#code-error")
    assert "line 2" in page.text("#code-error")
    page.click("#code-back")
    assert "make_xor" in page.value("#code")
    assert not page.shown("#code-back")


def test_figures_of_code_are_shown(page: Page) -> None:
    page.open("code")
    page.set("#code", "import matplotlib.pyplot as plt\nplt.plot([1, 4, 2])")
    page.press_button("Run")
    page.tab.wait_for("document.getElementById('code-state').textContent.startsWith('Done')", 60)
    assert page.evaluate("document.querySelector('#figures img').decode().then(() => true)")
    assert page.evaluate("document.querySelector('#figures img').naturalWidth") > 300


def test_less_motion_is_respected(page: Page) -> None:
    page.open("networks&hidden=[3]&epochs=100000")
    page.tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    page.press_button("Run")
    page.wait("running")
    shown = page.evaluate(
        "new Promise(done => { let n = 0; new MutationObserver(() => { n += 1; }).observe("
        "document.querySelector('.counter-text'), {childList: true, characterData: true, subtree: true});"
        "setTimeout(() => done(n), 1200); })"
    )
    page.press_button("Pause")
    page.tab.show(1300)
    assert 1 <= shown <= 4


def test_tab_indents(page: Page) -> None:
    page.open("code")
    page.set("#code", "for i in range(3):")
    page.evaluate("document.getElementById('code').focus()")
    page.key("Enter")
    assert page.value("#code").endswith(":\n    ")
    page.key("Tab")
    assert page.value("#code").endswith(":\n        ")


def test_code_in_a_link_is_shown_and_not_run(page: Page) -> None:
    code = "print('this must not happen')"
    page.open(f"code&code={quote(code)}")
    assert page.value("#code") == code
    assert "link" in page.text("#code-state")
    page.evaluate("new Promise(done => setTimeout(done, 500))")
    assert page.text("#output") == ""


def test_an_endless_loop_is_stopped(page: Page) -> None:
    page.stop_an_endless_loop()
