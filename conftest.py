"""At the root, so that plugins load however pytest is called; fixtures live in tests/."""

pytest_plugins = ["tests.plugin_needs"]
