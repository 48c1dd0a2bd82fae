"""Break everything, run the tests, and report."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.mutation.breaks import Break, breaks
from tests.mutation.equivalents import EQUIVALENT
from tests.mutation.workshop import ROOT, Workshop, find_tests

GOAL = 0.95


def main() -> int:
    options = arguments()
    every = [broken for file in python_files() for broken in breaks(file, (ROOT / file).read_text(encoding="utf-8"))]
    found = [broken for broken in every if not options.only or broken.path.startswith(tuple(options.only))]
    files = list(dict.fromkeys(broken.path for broken in found))
    if options.list:
        print(*found, sep="\n")
        print(f"{len(found)} breaks in {len(files)} files")
        return 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), options.jobs)
        check_tests(workshop, files)
        survivors = []
        for done, (broken, noticed) in enumerate(workshop.run(found), start=1):
            if not noticed:
                survivors.append(broken)
            if sys.stderr.isatty():
                print(f"\r{done} of {len(found)}, {len(survivors)} unnoticed ", end="", file=sys.stderr, flush=True)
    stale = [row for row in EQUIVALENT if not any(map(row.covers, every))]
    print("\n\nEquivalents that no break matches, to be removed:", *stale, sep="\n")
    return report(found, survivors, time.perf_counter() - started)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Break the package on purpose.")
    parser.add_argument("--only", nargs="+", metavar="FILE", help="break these files or folders only")
    parser.add_argument("--list", action="store_true", help="show the breaks and run nothing")
    parser.add_argument("--jobs", type=int, default=2, help="test runs at a time")
    return parser.parse_args()


def python_files() -> list[str]:
    """The files of the package for which there are tests."""
    paths = (str(file.relative_to(ROOT)) for file in sorted(ROOT.glob("minidl/**/*.py")))
    return [path for path in paths if find_tests(path)]


def check_tests(workshop: Workshop, files: list[str]) -> None:
    """Stop unless the tests pass for whole files, and fail for one that cannot be imported."""
    for text, expected in (("", False), ("\nraise RuntimeError\n", True)):
        whole = [Break(file, 1, "", "", "", text, (ROOT / file).read_text(encoding="utf-8") + text) for file in files]
        wrong = [broken.path for broken, noticed in workshop.run(whole) if noticed is not expected]
        if wrong:
            sys.exit(f"the tests {'do not notice' if expected else 'fail without'} a break of {', '.join(wrong)}")


def report(found: list[Break], survivors: list[Break], seconds: float) -> int:
    """Print what was not noticed and the rates. Return 0 if the goal is reached."""
    excused = []
    print("\nEquivalent, by declaration:")
    for row in EQUIVALENT:
        declared = [broken for broken in survivors if row.covers(broken)]
        if any(map(row.covers, found)):
            caught = row.times - len(declared)
            print(row, *[f"    = but the tests notice {caught} of them: remove it"] * (caught > 0), sep="\n")
        if len(declared) <= row.times:  # otherwise the reader has to find out which ones are meant
            excused += declared
    print("\nUnnoticed:", *(broken for broken in survivors if broken not in excused), sep="\n")
    print(f"\n{'file':<36} {'breaks':>7} {'equivalent':>10} {'caught':>7} {'rate':>7}")
    counts, left, same = (Counter(broken.path for broken in group) for group in (found, survivors, excused))
    for path in counts:
        print(line(path, counts[path], left[path], same[path]))
    print(line(f"all, in {seconds:.0f} s", len(found), len(survivors), len(excused)))
    return int(len(found) - len(survivors) < GOAL * (len(found) - len(excused)))


def line(name: str, breaks: int, unnoticed: int, equivalent: int) -> str:
    caught = breaks - unnoticed
    return f"{name:<36} {breaks:>7} {equivalent:>10} {caught:>7} {caught / max(breaks - equivalent, 1):>7.1%}"


if __name__ == "__main__":
    sys.exit(main())
