"""Script and rows need torch, which the tests do not."""

collect_ignore = ["image_rows.py", "make_branches.py", "make_golden.py", "make_recurrent.py", "rows.py"]
