"""The load generator: a process of its own that sends on a fixed schedule and counts what comes.

`python -m bench.load` holds all connections in one epoll set, without asyncio or Trio: what it
costs is taken from the machine that is measured. It reads one JSON line for each thing to do and
answers with one (see `bench.load.orders`), until its input ends.
"""
