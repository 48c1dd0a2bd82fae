"""The playground: minidl in a web page. ``python -m minidl.playground`` serves it."""
