# Its memory and its open files.
# verdict: wrong
# weakest: reduced
# %% attack
import ctypes, os
judge = TARGET["judge"]
for name in ("mem", "maps", "fd", "root", "cwd"):
  path = f"/proc/{judge}/{name}"
  try:
    hole = hole or bool(os.listdir(path) if name in ("fd", "root", "cwd") else open(path, "rb"))
  except OSError:
    pass
libc = ctypes.CDLL(None, use_errno=True)
hole = hole or libc.ptrace(16, judge, 0, 0) == 0
