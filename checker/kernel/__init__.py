"""Notebooks are run in kernels of their own and asked what they left, with no idea of what is right; see `run`."""
