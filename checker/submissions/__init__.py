"""Finds each student's file in what was handed in, and reads it as a notebook. Start with `find`."""
