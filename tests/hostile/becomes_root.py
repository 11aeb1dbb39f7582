# Set-user-id programs and calls that change the user.
# verdict: wrong
# weakest: reduced
# %% attack
import os, subprocess
for change in (os.setuid, os.seteuid, os.setgid):
  try:
    change(0)
  except OSError:
    pass
try:
  done = subprocess.run(["/bin/su", "-c", "id -u"], capture_output=True, text=True, timeout=5, stdin=subprocess.DEVNULL)
  hole = done.stdout.strip() == "0"
except (OSError, subprocess.TimeoutExpired):
  pass
hole = hole or os.getuid() == 0
