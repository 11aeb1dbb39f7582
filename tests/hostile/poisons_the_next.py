# Configuration and modules that the next notebook would load.
# verdict: wrong
# weakest: reduced
# %% attack
import os, sys
import numpy
places = [os.path.dirname(numpy.__file__), os.path.dirname(os.__file__), *sys.path]
for place in places:
  for name in ("sitecustomize.py", "poison.pth", "__pycache__/poison.pyc"):
    try:
      with open(os.path.join(place, name), "x") as file:
        file.write("")
      os.unlink(os.path.join(place, name))
      hole = hole or place not in ("", os.getcwd())
    except OSError:
      pass
