"""Starting, watching, checking and administering a Loopync.

`__main__`, `setup`, `web_build` and `places` run before anything is installed: they use the
standard library alone.
"""
