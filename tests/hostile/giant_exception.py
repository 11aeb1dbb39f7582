# verdict: output limit, timeout
# %% before
raise ValueError("x" * 10 ** 8)
