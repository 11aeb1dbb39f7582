"""The environment variables of a kernel."""

import os
import site
import sys
from pathlib import Path

# Tokens, keys and addresses in other variables stay outside.
KEPT_VARIABLES = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
)  # fmt: skip


def environment(scratch: Path) -> dict[str, str]:
    """The environment of a kernel: little of ours, nobody's configuration, one thread for linear algebra."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    home = str(scratch)
    path = kept.get("PATH", os.defpath)
    return kept | {
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), path)),  # `!pip` and `!python` are the kernel's own
        "HOME": home,
        "USERPROFILE": home,
        "TMPDIR": home,
        "TEMP": home,
        "TMP": home,
        "PYTHONUSERBASE": site.getuserbase(),  # HOME moved, but packages installed with --user must be found
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "IPYTHONDIR": str(scratch / ".ipython"),
        "MPLCONFIGDIR": str(scratch / ".matplotlib"),
        "JUPYTER_CONFIG_DIR": str(scratch / ".jupyter"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "MALLOC_ARENA_MAX": "2",  # each reserves address space, which is limited
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
