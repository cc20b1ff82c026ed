"""The jobs process: what must happen, but not while somebody waits for it."""
