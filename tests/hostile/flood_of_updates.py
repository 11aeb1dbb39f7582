# One output, replaced again and again: nothing remains, everything is sent.
# verdict: output limit
# %% before
from IPython.display import clear_output, display
handle = display("x", display_id=True)
while True:
  handle.update("x" * 10000)
  clear_output(wait=True)
