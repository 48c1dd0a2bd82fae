"""Nothing here is a test: pytest must neither import the competitors nor time anything."""

collect_ignore_glob = ["*.py", "peers/*.py"]
