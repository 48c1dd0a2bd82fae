"""Scripts and rows need torch or scikit-learn, which the tests do not."""

collect_ignore = ["image_rows.py", "make_branches.py", "make_golden.py", "make_metrics.py", "rows.py"]
