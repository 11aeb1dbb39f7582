"""Grades submissions, one or many, into a folder that can be resumed. Start with `grade`, then `folder`."""
