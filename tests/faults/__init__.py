"""What must hold when the disk fills, the clock jumps, a reader stalls or poison arrives.

Every check here is also run on a variant that is broken on purpose, and must catch it.
"""
