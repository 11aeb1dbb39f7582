# verdict: correct
# weakest: confined
# %% before
import contextlib
with contextlib.suppress(OSError), open("/dev/shm/full", "wb") as file:
  while True:
    file.write(b"x" * 10 ** 6)
