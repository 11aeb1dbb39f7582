# verdict: output limit
# %% before
while True:
  print("x" * 10000)
