"""minidl in a browser is minidl: the same numbers, output as it comes, and errors that are told.

Skipped where Chromium is not installed, or where the parts of the playground have not been fetched.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.playground.session import Session
from tests.docs.browser import CHROMIUM, browser, served
from tests.playground.built import EmptyPage, build_or_skip
from tests.playground.engine import CONNECT, Engine
from tests.playground.pictures import pictures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
NETWORKS = [
    {"data": "blobs", "classes": 3, "noise": 0.5, "hidden": [8, 8]},
    {"hidden": [8, 8], "seed": 1},
    {"hidden": [4], "activation": "ReLU", "optimizer": "Adam", "data": "spirals", "dropout": 0.1, "weight_decay": 0.01},
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = build_or_skip(tmp_path_factory.mktemp("built") / "playground")
    with served(folder, EmptyPage) as address, browser(tmp_path_factory.mktemp("browser")) as tab:
        yield Engine(tab, address)


@pytest.fixture
def engine(opened: Engine) -> Engine:
    """An engine that works, whatever the test before has done to it."""
    if opened.tab.evaluate("!window.engine"):
        assert opened.open() == "worker"
    opened.tab.evaluate("engine.restart()")
    return opened


def assert_alike(found: Any, expected: Any, place: str = "") -> None:
    """Numbers agree to 1e-10. A shade of a picture may round another way. Times differ."""
    assert type(found) is type(expected) or {type(found), type(expected)} == {int, float}, place
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected.keys() - {"steps_per_second", "pixels"}:
            assert_alike(found[key], expected[key], f"{place}.{key}")
        if "pixels" in expected:
            (plane, units), (expected_plane, expected_units) = map(pictures, (found, expected))
            for one, other in zip((plane, *units), (expected_plane, *expected_units), strict=True):
                assert np.abs(one.astype(int) - other).max() <= 1, place
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_alike(*pair, f"{place}[{index}]")
    elif isinstance(expected, int | float) and not isinstance(expected, bool):
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10), place
    else:
        assert found == expected, place


@pytest.mark.parametrize(
    "commands",
    [
        *(
            [
                {"do": "networks", "settings": settings},
                {"do": "step", "steps": 60, "budget_ms": 60_000},
                {"do": "epoch"},
            ]
            for settings in NETWORKS
        ),
        [
            {"do": "descent", "settings": {"objective": "rosenbrock", "steps": 300}},
            {"do": "step", "steps": 200, "budget_ms": 60_000},
            {"do": "reset"},
        ],
        [{"do": "presets"}],
    ],
    ids=["classes", "tanh", "adam", "descent", "presets"],
)
def test_frames_equal_those_at_home(engine: Engine, commands: list[dict[str, Any]]) -> None:
    session = Session()
    for command in commands:
        expected = json.loads(json.dumps(session.handle(command)))
        assert expected["error"] is None
        assert_alike(engine.ask(command), expected)


def test_whatever_is_printed_is_passed_on_in_order(engine: Engine) -> None:
    code = """
import sys
print("π", end="")
print("\\x1e{", end="", flush=True)  # what looks like a frame is none, though it comes in two pieces
print("}")
print("no", file=sys.stderr)
print("b" * 20_000)
input()"""
    frame, output = engine.run(code)
    assert frame["error"]["message"].startswith("EOFError")
    assert "".join(text for stream, text in output if stream == "stdout") == "π" + "b" * 20_000 + "\n"
    assert ["stderr", "no\n"] in output
    frame, output = engine.run("for i in range(128): print(chr(i))\nprint('a' + chr(30), end='')")
    assert frame["error"] is None
    assert "".join(text for _, text in output).endswith("a\x1e")
    _, output = engine.run("for i in range(200_000): print(i)")
    text = "".join(text for _, text in output)
    assert text.endswith("… what follows is not shown\n")
    assert 200_000 <= len(text) < 201_000


def test_matplotlib_is_loaded_only_when_code_imports_it(engine: Engine) -> None:
    engine.open()
    engine.run("import minidl, numpy.linalg")
    requests = engine.tab.requests()
    assert any("/manifest.json" in url for url in requests)
    assert not any("matplotlib" in url for url in requests)
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\nplt.title('$x^2$')\nplt.show()"
    frame, output = engine.run(code)
    assert (frame["error"], output) == (None, [])
    assert b64decode(frame["figures"][0]).startswith(b"\x89PNG")
    assert engine.tab.evaluate("progress.at(-1)") == "Loading Matplotlib"
    assert any("/matplotlib-" in url for url in engine.tab.requests())
    frame, _ = engine.run("from minidl.plotting import plot_history\nimport PIL.Image")
    assert frame["error"] is None


def test_data_sets_are_there(engine: Engine) -> None:
    code = "from minidl.datasets import load_digits, load_fashion\nprint(len(load_digits()[0]), len(load_fashion()[0]))"
    frame, output = engine.run(code)
    assert frame["error"] is None
    assert "".join(text for _, text in output).split()[0] == "1347"


def test_a_program_that_does_not_end_is_stopped(engine: Engine) -> None:
    engine.tab.evaluate("output.length = 0")
    engine.tab.evaluate("window.endless = engine.ask({do: 'run', code: 'print(1)\\nwhile True: pass'}), 0")
    engine.tab.wait_for("output.length")  # it comes while the program runs
    assert engine.fails("Promise.all([endless, engine.restart()])") == "The engine was restarted."
    assert engine.run("print(2)")[1] == [["stdout", "2\n"]]


def test_the_end_of_the_interpreter_is_told(engine: Engine) -> None:
    exits = "engine.ask({do: 'run', code: 'import os; os._exit(3)'})"
    assert engine.fails(exits) == "Python has exited with status 3."
    assert engine.fails("engine.ask({do: 'presets'})") == "Python has exited with status 3."
    engine.tab.evaluate("engine.restart()")
    frame, _ = engine.run("def f(n): return f(n + 1)\nf(0)")
    assert frame["error"]["message"].startswith("RecursionError")
    frame, _ = engine.run("b'x' * (5 << 30)")
    assert frame["error"]["message"].startswith(("OverflowError", "MemoryError"))


def test_memory_that_has_grown_is_still_found(engine: Engine) -> None:
    before = engine.megabytes
    frame, output = engine.run("import numpy as np\nprint(np.ones(20_000_000).sum())")
    assert (frame["error"], output) == (None, [["stdout", "20000000.0\n"]])
    assert engine.run("print(open('/home/x', 'w').write('abc'))")[1] == [["stdout", "3\n"]]
    assert engine.megabytes > before + 100


def test_thousands_of_turns_take_no_memory(engine: Engine) -> None:
    ask = "for (let i = 0; i < 3000; i++) await engine.ask({do: 'none', filler: 'x'.repeat(10_000)});"
    engine.tab.evaluate(f"(async () => {{ {ask} }})()")
    before = engine.megabytes
    engine.tab.evaluate(f"(async () => {{ {ask} }})()")
    assert engine.megabytes - before < 3  # it was 30 while the sources were kept


CACHED = """(async () => {
    for (let tries = 0; tries < 400; tries++) {
        const kept = await (await caches.open("minidl-playground")).keys();
        const has = (part) => kept.some(({url}) => url.includes(`/${part}-`));
        if (["python", "stdlib", "minidl"].every(has)) return true;
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
})()"""


def test_a_second_visit_loads_nothing_twice(engine: Engine) -> None:
    engine.open()
    assert engine.tab.evaluate(CACHED)  # the browser may still be writing when the first visit is ready
    engine.open()
    assert engine.tab.evaluate("progress.at(-1)") == "Starting Python"
    requests = engine.tab.requests()
    assert requests
    assert [url for url in requests if url.endswith(".bin")] == []


def workers(engine: Engine, method: str) -> list[dict[str, Any]]:
    return [event["params"] for event in engine.tab.events if event["method"] == f"Target.{method}"]


def test_the_worker_that_loads_ends_and_so_does_its_memory(engine: Engine) -> None:
    engine.open()
    begun = {worker["targetInfo"]["url"].rsplit("/", 1)[1]: worker for worker in workers(engine, "attachedToTarget")}
    ended: set[str] = set()
    for _ in range(400):  # it ends when the browser has kept the files
        engine.tab.evaluate("new Promise((done) => setTimeout(done, 50))")
        ended = {worker["sessionId"] for worker in workers(engine, "detachedFromTarget")}
        if begun["loader.js"]["sessionId"] in ended:
            break
    assert begun["loader.js"]["sessionId"] in ended
    assert begun["worker.js"]["sessionId"] not in ended
    assert engine.run("print(1)")[1] == [["stdout", "1\n"]]


def test_nothing_else_is_asked_for_and_nothing_is_complained_of(engine: Engine) -> None:
    engine.open()
    engine.run(
        "import urllib.request\ntry: urllib.request.urlopen('http://example.org')\nexcept Exception: print('no')"
    )
    assert engine.tab.evaluate("output") == [["stdout", "no\n"]]
    assert [url for url in engine.tab.requests() if not url.startswith((engine.address, "data:"))] == []
    assert engine.tab.complaints() == []


def test_the_worker_writes_nothing_to_the_console(opened: Engine) -> None:
    opened.tab.open(f"{opened.address}empty")
    # The page plays the worker, as the console of a worker is watched only at the cost of its speed.
    opened.tab.evaluate("""(async () => {
        window.said = []; window.sent = [];
        window.postMessage = (message) => sent.push(message);
        window.close = () => {};
        for (const kind of ["log", "info", "debug", "warn", "error"]) console[kind] = (...words) => said.push(words);
        await import("/loader.js");
        onmessage({data: {compiled: false}});
    })()""")
    opened.tab.wait_for("sent.at(-1)?.type === 'loaded'", 60)
    opened.tab.evaluate("import('/worker.js').then(() => onmessage({data: {...sent.at(-1), type: 'start'}}))")
    opened.tab.wait_for("sent.at(-1)?.type === 'ready'", 60)
    command = json.dumps({"do": "run", "code": "print(open('/home/x', 'w').write('abc'))"})
    opened.tab.evaluate(f"onmessage({{data: {{type: 'ask', id: 1, command: {command}, buffer: new ArrayBuffer(0)}}}})")
    told = opened.tab.evaluate("sent.map(({type}) => type).filter((type) => type !== 'progress')")
    assert told == ["loaded", "ready", "output", "frame"]
    assert opened.tab.evaluate("said.map((words) => words.join(' '))") == []


def test_why_it_does_not_start_is_told(opened: Engine) -> None:
    deleted = [f"delete window.{name}" for name in ("WebAssembly", "DecompressionStream")]
    for missing in ("WebAssembly.validate = () => false", *deleted):
        opened.tab.open(f"{opened.address}empty")
        opened.tab.evaluate(f"delete Promise.withResolvers, {missing}, 0")  # old browsers lack both
        found = opened.fails(CONNECT)
        assert found == "The playground needs Chrome or Edge 137, Firefox 131, or Safari 18.4, or later.", missing
    opened.tab.open(f"{opened.address}empty")
    opened.tab.evaluate("window.fetch = () => Promise.reject(new TypeError('Failed to fetch')), 0")
    assert "has to be opened through a web server" in opened.fails(CONNECT)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("runtime/python-*.bin", "/runtime/python-.*bin cannot be loaded: status 404"),
        ("runtime/manifest.json", "runtime/manifest.json cannot be loaded: status 404"),
        ("interpreter.js", "The worker has failed"),
    ],
)
def test_a_missing_file_is_told(tmp_path: Path, opened: Engine, pattern: str, message: str) -> None:
    folder = build_or_skip(tmp_path / "playground")
    (missing,) = folder.glob(pattern)
    missing.unlink()
    with served(folder, EmptyPage) as address:
        opened.tab.open(f"{address}empty")
        assert re.match(message, opened.fails(CONNECT))
