# A cell that never ends, on which nothing depends.
# verdict: correct
# %% before
while True:
  pass
