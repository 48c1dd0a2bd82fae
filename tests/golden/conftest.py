"""Script and rows need torch, which the tests do not."""

collect_ignore = ["make_branches.py", "make_golden.py", "rows.py"]
