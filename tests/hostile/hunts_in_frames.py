# Looks for expected values in every frame, object and trace.
# verdict: wrong
# %% attack
import gc, sys
import numpy as np
found = []
def look(frame, event, argument):
  for value in frame.f_locals.values():
    if isinstance(value, np.ndarray) and value.shape == (8, 6) and abs(value[0, 0] + 21.207) < 0.001:
      found.append(value)
sys.settrace(look)
for thing in gc.get_objects():
  if isinstance(thing, np.ndarray) and thing.shape == (8, 6) and abs(thing[0, 0] + 21.207) < 0.001:
    found.append(thing)
  if type(thing).__name__ in ("Exercise", "Cases", "Mistake"):
    found.append(thing)
sys.settrace(None)
hole = bool(found)
