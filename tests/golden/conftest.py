"""Script and rows need torch, which the tests do not."""

collect_ignore_glob = ["*_rows.py", "make_*.py", "rows.py"]
