"""What one kernel may do. The judge writes it, the kernel's process reads it and obeys before anything else."""

from dataclasses import dataclass

# How a supervisor ends when it had to end its kernel, and when a layer did not come up.
REFUSED, OUT_OF_MEMORY, OUT_OF_DISK = 70, 101, 102

# Where the socket directory lies in a root of its own. Not under /tmp: Landlock's rights add up along a path, and
# /tmp is writable there.
SOCKETS_INSIDE = "/run/kernel"


@dataclass(frozen=True)
class Policy:
    """The limits of one kernel.

    `level` decides the layers, all of which must come up. `readable` are files and folders that may be read, without
    what is `hidden` in them. `needed` must stay reachable when root becomes `uid` (None: stay who you are). `root` is
    an empty folder on which an own root is built. Sizes are in bytes; `memory` bounds each process and their sum.
    """

    level: str
    scratch: str
    private: str
    root: str = ""
    readable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    uid: int | None = None
    memory: int = 2 * 2**30
    cpu: int = 3600
    processes: int = 128
    open_files: int = 256
    file_size: int = 64 * 2**20
    disk: int = 128 * 2**20
    inodes: int = 10_000

    @property
    def namespaces(self) -> bool:
        return self.level == "full"

    @property
    def landlock(self) -> bool:
        return self.level in ("full", "confined")

    @property
    def seccomp(self) -> bool:
        return self.level != "limits"
