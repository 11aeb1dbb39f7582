"""Finds out who handed in what, and reads it as a notebook. Start with `find`."""
