# Namespaces of its own, in which it would be root.
# verdict: wrong
# weakest: reduced
# %% attack
import ctypes, subprocess
hole = ctypes.CDLL(None).unshare(0x20000) == 0
hole = hole or subprocess.run(["/usr/bin/unshare", "-Ur", "true"], stderr=subprocess.DEVNULL).returncode == 0
