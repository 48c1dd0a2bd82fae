"""Break everything, run the tests, and report."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.mutation.breaks import Break, breaks
from tests.mutation.equivalents import EQUIVALENT
from tests.mutation.workshop import ROOT, TESTS, Workshop

GOAL = 0.95


def main() -> int:
    options = arguments()
    files = [str(file.relative_to(ROOT)) for start in TESTS for file in python_files(start)]
    chosen = [file for file in files if not options.only or any(file.startswith(name) for name in options.only)]
    found = [broken for file in chosen for broken in breaks(file, (ROOT / file).read_text(encoding="utf-8"))]
    if options.list:
        print(*found, sep="\n")
        print(f"{len(found)} breaks in {len(chosen)} files")
        return 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), options.jobs)
        check_tests(workshop, chosen)
        survivors = []
        for done, (broken, noticed) in enumerate(workshop.run(found), start=1):
            if not noticed:
                survivors.append(broken)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(found)}, {len(survivors)} unnoticed ", end="", file=sys.stderr, flush=True)
    return report(found, survivors, time.perf_counter() - started, whole=not options.only)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Break the package on purpose.")
    parser.add_argument("--only", nargs="+", metavar="FILE", help="break these files or folders only")
    parser.add_argument("--list", action="store_true", help="show the breaks and run nothing")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time")
    return parser.parse_args()


def python_files(start: str) -> list[Path]:
    """The file ``start.py`` and all in the folder of that name."""
    return sorted([*ROOT.glob(f"{start}.py"), *ROOT.glob(f"{start}/**/*.py")])


def check_tests(workshop: Workshop, files: list[str]) -> None:
    """Stop unless the tests pass for whole files, and fail for one that cannot be imported."""
    for text, expected in (("", False), ("\nraise RuntimeError\n", True)):
        whole = [Break(file, 1, "", text, (ROOT / file).read_text(encoding="utf-8") + text) for file in files]
        wrong = [broken.path for broken, noticed in workshop.run(whole) if noticed is not expected]
        if wrong:
            sys.exit(f"the tests {'do not notice' if expected else 'fail without'} a break of {', '.join(wrong)}")


def report(found: list[Break], survivors: list[Break], seconds: float, *, whole: bool) -> int:
    """Print the figures, and give 0 if the goal is reached."""
    reasons = {row[:3]: row[3] for row in EQUIVALENT}
    equivalent = [broken for broken in found if key(broken) in reasons]
    open_ones = [broken for broken in survivors if broken not in equivalent]
    print("\n\nEquivalent, by declaration:")
    for broken in equivalent:
        caught = "" if broken in survivors else "\n    = but the tests notice it: strike it from the list"
        print(f"{broken}\n    = {reasons[key(broken)]}{caught}")
    for where, _, after in reasons.keys() - {key(broken) for broken in found} if whole else ():
        print(f"{where}: no break gives {after!r}: strike it from the list")
    print("\nUnnoticed:", *open_ones, sep="\n")
    counts, left = Counter(broken.path for broken in found), Counter(broken.path for broken in open_ones)
    same = Counter(broken.path for broken in equivalent)
    print(f"\n{'file':<36} {'breaks':>7} {'equivalent':>10} {'caught':>7} {'rate':>7}")
    for path in counts:
        real = counts[path] - same[path]
        print(f"{path:<36} {counts[path]:>7} {same[path]:>10} {real - left[path]:>7} {1 - left[path] / real:>7.1%}")
    real = len(found) - len(equivalent)
    rate = 1 - len(open_ones) / max(real, 1)
    print(
        f"{len(found)} breaks, {len(equivalent)} equivalent; of the other {real} the tests caught "
        f"{real - len(open_ones)}, {rate:.1%}, in {seconds:.0f} s"
    )
    return int(rate < GOAL)


def key(broken: Break) -> tuple[str, str, str]:
    """What the equivalents call it; a file may be moved within its folder, or become one."""
    return next(start for start in TESTS if broken.path.startswith(start)), broken.before, broken.after


if __name__ == "__main__":
    sys.exit(main())
