"""nbformat and nbclient, imported without what takes a second and is not needed."""

from checker.sandbox.inside.hooks import without_grammars

with without_grammars():
    import nbclient
    import nbformat
    from nbclient.exceptions import DeadKernelError

__all__ = ["DeadKernelError", "nbclient", "nbformat"]
