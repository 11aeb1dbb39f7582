# Writes until nothing more fits.
# verdict: correct
# weakest: full
# %% before
import contextlib
with contextlib.suppress(OSError):
  for number in range(10 ** 6):
    with open(f"part{number}", "wb") as file:
      file.write(b"x" * 10 ** 6)
