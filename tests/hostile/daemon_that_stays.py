# A process that has left its parent, its session and its group.
# verdict: correct
# weakest: reduced
# %% before
import os, signal, time
if os.fork() == 0:
  try:
    os.setsid()
  except OSError:
    pass
  if os.fork() == 0:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
      signal.signal(number, signal.SIG_IGN)
    os.execve("/bin/sleep", ["sleep", "99999"], {})
  os._exit(0)
