"""Landlock: which files this process and its children may touch, whatever their owner and mode say."""

import os
import stat
import struct
from collections.abc import Iterable

from .system import PR_SET_NO_NEW_PRIVS, call, prctl

EXECUTE, WRITE, READ_FILE, LIST, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_DIR, MAKE_FILE, MAKE_SOCKET, MAKE_FIFO, MAKE_LINK = (1 << bit for bit in (7, 8, 9, 10, 12))
REFER, TRUNCATE, DEVICE_CONTROL = (1 << bit for bit in (13, 14, 15))

READ = EXECUTE | READ_FILE | LIST
ALL_BUT_DEVICES = (
    READ
    | WRITE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_FILE
    | MAKE_SOCKET
    | MAKE_FIFO
    | MAKE_LINK
    | REFER
    | TRUNCATE
)
_OF_FILES = EXECUTE | WRITE | READ_FILE | TRUNCATE | DEVICE_CONTROL


def abi() -> int:
    """The version of Landlock here. Raises `OSError` where there is none."""
    return call("landlock_create_ruleset", None, 0, 1)


def restrict(rules: Iterable[tuple[str, int]]) -> str:
    """Allow what the rules say and nothing else; also no signals and no abstract sockets to the outside.

    A rule is a path and the rights beneath it; paths that do not exist are left out. Returns what came up.
    """
    version = abi()
    # Newer versions govern more: moving between folders, truncating, device control; TCP; signals.
    handled = (1 << 13) - 1 | (REFER, 0)[version < 2] | (TRUNCATE, 0)[version < 3] | (DEVICE_CONTROL, 0)[version < 5]
    fields = struct.pack("=QQQ", handled, 3, 3)
    attributes = fields[: 8 if version < 4 else 16 if version < 6 else 24]
    ruleset = call("landlock_create_ruleset", attributes, len(attributes), 0)
    for path, rights in rules:
        try:
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        allowed = handled & rights & (-1 if stat.S_ISDIR(os.fstat(beneath).st_mode) else _OF_FILES)
        if allowed:
            rule = struct.pack("=Qi", allowed, beneath)
            call("landlock_add_rule", ruleset, 1, rule, 0)
        os.close(beneath)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)
    return f"version {version}" + ("" if version >= 6 else ", which does not stop signals")


def without(paths: Iterable[str], hidden: Iterable[str]) -> list[tuple[str, int]]:
    """Rules to read all of these paths but what is hidden in them: Landlock can only add, so its siblings are named.

    The names in a folder that holds something hidden can be listed all the same. A rule holds for what a link leads
    to, so links are followed first, and links beside something hidden give no right.
    """
    real = {os.path.realpath(path) for path in hidden}
    rules: dict[str, int] = {}
    todo = [os.path.realpath(path) for path in paths]
    while todo:
        path = todo.pop()
        if not any(other.startswith(f"{path}/") for other in real):
            rules[path] = READ
        elif path not in rules:
            rules[path] = LIST
            entries = [entry for entry in os.scandir(path) if not entry.is_symlink()]
            todo += [entry.path for entry in entries if entry.path not in real]
    return list(rules.items())
