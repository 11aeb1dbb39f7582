# Every process that it may signal.
# verdict: correct
# weakest: confined
# %% before
import contextlib, os, signal
with contextlib.suppress(OSError):
  os.kill(-1, signal.SIGKILL)
