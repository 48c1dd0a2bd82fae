"""Draw docs/images/playground.gif, the first picture of README: the playground in Chromium, as it learns two spirals.

Run it from the folder of the repository: ``PYTHONPATH=. python docs/playground/animation.py``.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from PIL.ImageColor import getrgb

from minidl.playground.server import Server
from tests.docs.browser import Browser, browser, running

TARGET = Path(__file__).resolve().parents[1] / "images" / "playground.gif"
LIMIT = 300_000
"""The largest size of the file, in bytes."""

PLACE = "data=spirals&noise=0.02&samples=300&hidden=[6,6]&optimizer=Adam&lr=0.02&epochs=300&batch_size=32"
STEPS = (0, 10, 20, 30, 40, 60, 80, 100, 120, 150, 180, 220, 260, 320, 400, 500, 700, 1000)
WINDOW = (1300, 900)
WIDTH = 760
COLORS = 30
FIXED = [part for color in ("#FFFFFF", "#000000", "#5A5C63", "#D55E00", "#0072B2", "#E69F00") for part in getrgb(color)]
"""The colours of text, lines and points, which stay as they are. The others are chosen by what occurs."""


def main() -> None:
    """Write the animation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=TARGET, help="the file to write")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        Server(0) as server,
        running(server),
        browser(Path(profile)) as tab,
    ):
        frames = pictures(tab, f"{server.url}#networks&{PLACE}")
    write(frames, options.target)
    size = options.target.stat().st_size
    print(f"{options.target}: {size / 1000:.0f} kB, {len(frames)} frames")
    if size > LIMIT:
        raise SystemExit(f"that is more than {LIMIT / 1000:.0f} kB")


def pictures(tab: Browser, address: str) -> list[Image.Image]:
    """The network and its boundary after each of some numbers of steps."""
    tab.show(*WINDOW)
    tab.open(address)
    tab.wait_for("document.documentElement.dataset.ready")
    # What says the same in each picture is left out.
    tab.evaluate("document.querySelectorAll('.code-below, .details, .counter button').forEach(e => e.remove())")
    found: list[Image.Image] = []
    for before, step in zip((0, *STEPS), STEPS, strict=False):
        tab.evaluate(f"for (let i = {before}; i < {step}; i++) document.querySelector('[title=\"One step\"]').click()")
        tab.wait_for(f"document.querySelector('.counter-text').textContent.startsWith('step {step},')")
        time.sleep(0.1)  # until it is drawn
        found.append(crop(tab))
    return found


def crop(tab: Browser) -> Image.Image:
    """What is seen of the network and of the boundary, smaller."""
    boxes = tab.evaluate(
        "['.middle', '.right'].map(name => document.querySelector(`#panel-networks ${name}`).getBoundingClientRect())"
        ".map(box => [box.left, box.top, box.right, box.bottom])"
    )
    bottom = tab.evaluate("document.querySelector('#network-numbers').getBoundingClientRect().bottom")
    left, top, right = boxes[0][0], boxes[0][1], boxes[1][2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        tab.screenshot(path)
        image = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    image = image.crop((int(left) - 8, int(top) - 6, int(right) + 8, int(bottom) + 6))
    return image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)


def write(frames: list[Image.Image], path: Path) -> None:
    """Write frames with one palette, so that pixels that do not change cost nothing."""
    ends = Image.new("RGB", (frames[0].width, 2 * frames[0].height))
    for row, frame in enumerate((frames[0], frames[-1])):
        ends.paste(frame, (0, row * frame.height))
    palette = ends.quantize(COLORS, dither=Image.Dither.NONE)
    found = palette.getpalette() or []
    for index in range(0, len(found), 3):
        if min(found[index : index + 3]) > 240:
            found[index : index + 3] = [255, 255, 255]  # what is almost white
    palette.putpalette([*FIXED, *found])
    reduced = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [900, *[180] * (len(frames) - 2), 3500]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main()
