"""Breaks layers, losses, optimizers and objectives on purpose, one change at a time, and counts what the tests notice.

One command, from the top of the repository: ``.venv/bin/python -m tests.mutation``.
"""
