# The folder with everybody's notebooks.
# verdict: wrong
# weakest: reduced
# %% attack
import os
try:
  hole = bool(os.listdir(TARGET["canary"]))
except OSError:
  pass
try:
  hole = hole or bool(open(TARGET["canary"] + "/secret.txt").read())
except OSError:
  pass
