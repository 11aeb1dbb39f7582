# Past Python, straight to the descriptor.
# verdict: output limit, correct, timeout
# %% before
import os
while True:
  os.write(2, b"x" * 10000)
