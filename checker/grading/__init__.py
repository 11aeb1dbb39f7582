"""Judges what was observed of a notebook: pure functions that need nothing but numpy. Start with `judge`."""
