"""The form of the page: what each choice shows, and what sliders set. Skipped where Chromium is not installed."""

import pytest

from tests.docs.browser import CHROMIUM
from tests.playground.page import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
SMALL = "networks&hidden=[3]&epochs=20"


@pytest.mark.parametrize(("label", "option"), [("Activation", "Sigmoid"), ("Loss", "MSELoss")])
def test_a_chosen_function_is_drawn(page: Page, label: str, option: str) -> None:
    page.open(SMALL)
    canvas = f"document.querySelector('[data-field=\"{label.lower()}\"] canvas')"
    before = page.evaluate(f"{canvas}.toDataURL()")
    page.choose(label, option)
    page.tab.wait_for(f"{canvas}.ariaLabel.startsWith('{option} for ')")
    assert page.evaluate(f"{canvas}.toDataURL()") != before


@pytest.mark.parametrize(
    ("optimizer", "fields"),
    [("SGD", []), ("Nesterov", ["momentum"]), ("RMSProp", ["alpha"]), ("Adam", ["beta1", "beta2"])],
)
def test_an_optimizer_has_its_own_numbers(page: Page, optimizer: str, fields: list[str]) -> None:
    page.open(SMALL)
    page.choose("Optimizer", optimizer)
    names = ("momentum", "alpha", "beta1", "beta2")
    assert [name for name in names if page.shown(f"[data-field={name}]")] == fields


def test_the_slider_of_a_decay_is_finer_near_1(page: Page) -> None:
    page.open(f"{SMALL}&optimizer=Adam")
    slider, box = ('[data-field="beta2"] input[type="range"]', '[data-field="beta2"] input[type="number"]')
    assert (page.value(slider), page.value(box)) == ("75", "0.999")

    def wait_for_code(value: float) -> None:
        code = "document.querySelector('#panel-networks .code-below pre').textContent"
        page.tab.wait_for(f"{code}.includes('beta2={value})')")

    for place, value in ((0, 0.0), (25, 0.9), (50, 0.99), (100, 0.9999)):
        page.set(slider, place)
        assert float(page.value(box)) == value
        wait_for_code(value)
    page.set(box, 0.5)
    wait_for_code(0.5)
    assert page.value(slider) == "8"


def test_own_data_stay_while_others_are_shown_and_are_in_the_link_of_their_own_only(page: Page) -> None:
    page.open("networks&data=csv&csv=1,2,a%0A2,1,b%0A3,2,a%0A4,1,b&test_share=0")
    table = page.value("textarea")
    assert table.startswith("1,2,a")
    page.click('[data-preset="xor"]')
    page.wait("paused")
    page.click('[name="data"][value="moons"]')
    page.tab.wait_for("location.hash.includes('data=moons')")
    assert "csv" not in page.hash
    page.click('[name="data"][value="csv"]')
    page.tab.wait_for("location.hash.includes('csv=1')")
    assert page.value("textarea") == table


def test_without_a_hidden_layer_no_activation_is_offered(page: Page) -> None:
    page.open("networks&hidden=[]")
    assert not page.shown("[data-field=activation]")
    page.click("[aria-label='Add a hidden layer']")
    page.tab.wait_for("document.querySelector('[data-field=activation]').checkVisibility()")


def test_a_point_is_added_by_its_numbers_and_a_cleared_list_comes_back(page: Page) -> None:
    page.open("networks&data=points&points=[[0,0,0],[1,1,0],[2,2,1]]")
    across = "input[aria-label='x₁']"
    for wrong in ("1000000000", ""):
        page.set(across, wrong)
        page.press_button("Add")
        assert page.text(".points .field-error") == "Enter two numbers from −100 to 100."
        assert "[2,2,1]]" in page.hash
    page.set(across, "3")
    page.evaluate(f'document.querySelector("{across}").focus()')
    page.key("Enter")
    page.tab.wait_for("location.hash.includes('[3,0,1]]')")
    assert page.text(".points .field-error") == ""
    page.press_button("Clear")
    page.tab.wait_for("!location.hash.includes('[')")
    page.wait("error")
    described = page.evaluate("document.getElementById('boundary').ariaLabel")
    assert described.endswith("0 training samples and 0 held-out samples. Nothing is trained yet.")
    page.press_button("Undo")
    page.tab.wait_for("location.hash.includes('[3,0,1]]')")
