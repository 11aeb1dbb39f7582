# Nothing is left to ask for.
# verdict: error, not attempted
# %% after
for name in list(globals()):
  if not name.startswith("__"):
    del globals()[name]
