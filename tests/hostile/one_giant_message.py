# verdict: output limit
# %% before
print("x" * 10 ** 8)
