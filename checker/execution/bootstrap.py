"""The first lines of a kernel's life: bound its memory, hide this package from it, start ipykernel.

Run as a script by the launcher, `bootstrap.py MEMORY_BYTES IPYKERNEL_ARGUMENTS...`; it imports nothing of this
package, so that no answer is ever in the student's process.
"""

import contextlib
import sys
import types


def bound_memory(size: int) -> None:
    """Limit the address space, where the platform can (not on Windows; macOS may refuse)."""
    try:
        import resource
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def hide_checker() -> None:
    """Put an empty `checker` in this package's place: a self-check cell runs, and shows and knows nothing."""
    stub = types.ModuleType("checker", "A stand-in while a notebook is being graded.")
    for name in ("check", "grade"):
        setattr(stub, name, lambda *arguments, **options: None)
    sys.modules["checker"] = stub


if __name__ == "__main__":
    bound_memory(int(sys.argv.pop(1)))
    hide_checker()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
