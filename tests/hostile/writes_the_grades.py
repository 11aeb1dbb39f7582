# Into the folder of the results and of everybody else.
# verdict: wrong
# weakest: reduced
# %% attack
import os
for name in ("written", "../written"):
  try:
    open(os.path.join(TARGET["canary"], name), "w").close()
    hole = True
  except OSError:
    pass
