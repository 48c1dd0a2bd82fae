"""The playground's page in a browser, with its own server behind it: what a reader does there, and what is shown."""

from __future__ import annotations

import json
from typing import Any

from tests.docs.browser import Browser

KEYS = {" ": "Space", "ArrowRight": "ArrowRight", "ArrowDown": "ArrowDown", "Tab": "Tab", "Enter": "Enter"}
CODES = {" ": 32, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9, "Enter": 13}


class Page:
    """The page, opened at the address of a server."""

    def __init__(self, tab: Browser, address: str) -> None:
        self.tab, self.address = tab, address

    def load(self, place: str = "", *, width: int = 1300, dark: bool = False) -> None:
        """Load the page at a place, such as ``networks&lr=0.3``, and wait until the first picture is there."""
        self.tab.show(width, dark=dark)
        self.tab.open("about:blank")  # another place alone would not load the page again
        self.tab.open(f"{self.address}#{place}")
        self.tab.wait_for("document.documentElement.dataset.ready")
        self.wait("paused", "finished", "error")

    def open(self, place: str) -> None:
        """Go to a place, as after a click on a link, with the page loaded already if it is."""
        if not self.evaluate("document.documentElement.dataset.ready === 'true'"):
            return self.load(place)
        self.evaluate(
            "new Promise(done => { addEventListener('popstate', () => setTimeout(done), {once: true});"
            f"history.replaceState(null, '', '#'); location.hash = {json.dumps(place)}; }})"
        )
        self.wait("paused", "finished", "error")
        return None

    def evaluate(self, script: str) -> Any:
        return self.tab.evaluate(script)

    def module(self, name: str, expression: str) -> Any:
        """The value of an expression of what a module exports, as ``m``."""
        return self.evaluate(f"import(new URL('app/{name}.js', location.href)).then(m => {expression})")

    def wait(self, *states: str, seconds: float = 20.0) -> None:
        """Wait until the picture is in one of these states: busy, running, paused, finished or error.

        In the view of the code, that is the picture behind it.
        """
        behind = "location.hash.includes('of=descent') ? '#panel-descent' : '#panel-networks'"
        panel = f"(document.querySelector('.panel[data-state]:not([hidden])') ?? document.querySelector({behind}))"
        self.tab.wait_for(f"{json.dumps(states)}.includes({panel}.dataset.state)", seconds)
        # The last frame is drawn when the browser draws the next time.
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def click(self, selector: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def press_button(self, text: str) -> None:
        """Click the visible button with this text."""
        buttons = "[...document.querySelectorAll('button')].filter(b => b.checkVisibility())"
        self.evaluate(f"{buttons}.find(b => b.textContent === {json.dumps(text)}).click()")

    def set(self, selector: str, value: object) -> None:
        """Fill in a field, as if typed and left."""
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
            f"field.value = {json.dumps(value)};"
            "for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true})); })()"
        )

    def choose(self, label: str, option: str) -> None:
        """Choose an option of the selection with this label."""
        self.evaluate(
            f"(() => {{ const label = [...document.querySelectorAll('.panel:not([hidden]) label')].find(l => "
            f"l.textContent === {json.dumps(label)}); const field = document.getElementById(label.htmlFor);"
            f"field.value = [...field.options].find(o => o.textContent === {json.dumps(option)}).value;"
            "field.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def key(self, key: str, modifiers: int = 0) -> None:
        """Press a key. A modifier of 2 is Ctrl."""
        event = {"key": key, "code": KEYS[key], "windowsVirtualKeyCode": CODES[key], "modifiers": modifiers}
        text = {" ": " ", "Enter": "\r"}.get(key)
        self.tab.call("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
        self.tab.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def point_at(self, selector: str, across: float, down: float) -> dict[str, float]:
        """Move the mouse to a place in an element, in shares of its size. Return where that is in the window."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        script = f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
        left, top, width, height = self.evaluate(script + " return [b.left, b.top, b.width, b.height]; })()")
        at = {"x": left + across * width, "y": top + down * height}
        self.tab.call("Input.dispatchMouseEvent", type="mouseMoved", **at)
        return at

    def click_at(self, selector: str, across: float, down: float, *, shift: bool = False) -> None:
        """Click with the mouse at a place in an element."""
        at = self.point_at(selector, across, down)
        for kind in ("mousePressed", "mouseReleased"):
            modifiers = 8 if shift else 0
            self.tab.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, modifiers=modifiers, **at)

    def text(self, selector: str) -> str:
        """The text of all elements that a selector finds, empty if they are hidden."""
        found: str = self.evaluate(
            f"[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.checkVisibility())"
            ".map(e => e.innerText).join('\\n')"
        )
        return found

    def value(self, selector: str) -> str:
        found: str = self.evaluate(f"document.querySelector({json.dumps(selector)}).value")
        return found

    def shown(self, selector: str) -> bool:
        return bool(self.evaluate(f"document.querySelector({json.dumps(selector)})?.checkVisibility()"))

    @property
    def hash(self) -> str:
        found: str = self.evaluate("location.hash")
        return found

    def foreign(self) -> list[str]:
        """Requests to another host."""
        return [url for url in self.tab.requests() if not url.startswith((self.address, "data:", "about:"))]

    def stop_an_endless_loop(self) -> None:
        """Run a program that does not end, stop it, and see that the picture behind it comes back and runs."""
        self.open("code&epochs=20&hidden=[3]")
        self.set("#code", "print('begun')\nwhile True: pass")
        self.press_button("Run")
        self.tab.wait_for("document.getElementById('output').textContent.includes('begun')")
        self.press_button("Stop")
        self.tab.wait_for("document.getElementById('code-state').textContent === 'Stopped.'")
        self.click("#tab-networks")
        self.wait("paused")
        self.press_button("Run")
        self.wait("finished")
