"""nbformat and nbclient, without the seconds that importing them takes where JupyterLab is installed.

There jsonschema, which nbformat imports, finds a library for international addresses that parses whole grammars when
it is imported. No notebook's schema mentions such an address. A program that has jsonschema already keeps it as it is.
"""

import sys

_GRAMMARS = "rfc3987_syntax"
_absent = sys.modules.setdefault(_GRAMMARS, None) is None  # type: ignore[arg-type]  # now importing it fails
try:
    import nbclient
    import nbformat
    from nbclient.exceptions import DeadKernelError
finally:
    if _absent:
        del sys.modules[_GRAMMARS]

__all__ = ["DeadKernelError", "nbclient", "nbformat"]
