"""Script and rows need torch, which the tests do not."""

collect_ignore = ["make_golden.py", "rows.py"]
