"""The scripts and their rows need packages that the tests do not."""

collect_ignore_glob = ["make_*.py", "*rows.py"]
