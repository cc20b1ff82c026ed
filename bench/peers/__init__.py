"""What Loopync is compared with: each a program of its own, written as well as we can write it."""
