"""Locks an untrusted kernel in. Start with `levels`.

`inside/` runs in the kernel's own process before any code of the notebook; it needs nothing but the standard library
and nothing of this package. The modules beside it are the judge's: `levels` chooses by really starting, `policies`
says what a level allows, `doctor` explains what a machine lacks. docs/security.md says what is promised.
"""
