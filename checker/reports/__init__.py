"""Turning results into something to look at: one module for each output."""
