"""Turns results into something to look at: pages, tables, the terminal, formats for CI. Start with `folder`."""
