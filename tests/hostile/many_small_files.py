# Uses up the names, not the space.
# verdict: correct
# weakest: full
# %% before
import contextlib
with contextlib.suppress(OSError):
  for number in range(10 ** 6):
    open(f"f{number}", "w").close()
