"""minidl in a web worker, asked through the module that the page uses."""

import json
from typing import Any

from tests.docs.browser import Browser

CONNECT = """(async () => {
    window.output = []; window.progress = [];
    const {connect} = await import("/transport.js");
    window.engine = await connect({
        onOutput: (text, stream) => output.push([stream, text]), onProgress: (text) => progress.push(text),
    });
    return engine.kind;
})()"""

# The pixels as they are in the JSON of a frame.
AS_JSON = "(frame) => frame.pixels ? {...frame, pixels: btoa(String.fromCharCode(...frame.pixels))} : frame"


class Engine:
    """The engine of transport.js in an open page."""

    def __init__(self, tab: Browser, address: str) -> None:
        self.tab, self.address = tab, address

    def open(self) -> Any:
        self.tab.open(f"{self.address}empty")
        return self.tab.evaluate(CONNECT)

    def ask(self, command: dict[str, Any]) -> Any:
        self.tab.evaluate("output.length = 0")
        return self.tab.evaluate(f"engine.ask({json.dumps(command)}).then({AS_JSON})")

    def run(self, code: str) -> tuple[Any, list[list[str]]]:
        """The frame of a program, and what it printed."""
        return self.ask({"do": "run", "code": code}), self.tab.evaluate("output")

    def fails(self, script: str) -> str:
        found: str = self.tab.evaluate(f"{script}.then(() => 'no error', (error) => error.message)")
        return found

    @property
    def megabytes(self) -> float:
        return float(self.tab.evaluate("engine.memory / 1e6"))
