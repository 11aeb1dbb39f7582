"""Runs a notebook in a kernel of its own and asks what it left, knowing nothing of answers. Start with `run`."""
