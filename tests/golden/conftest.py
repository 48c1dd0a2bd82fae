"""Scripts and rows need torch or scikit-learn, which the tests do not."""

collect_ignore_glob = ["*_rows.py", "make_*.py", "rows.py"]
