# A function that never returns.
# verdict: timeout
# %% function
def multihead_scaled_self_attention(*arguments):
  while True:
    pass
