# One operation that takes years and looks at no signal.
# verdict: timeout
# %% function
def multihead_scaled_self_attention(*arguments):
  return 10 ** 10 ** 8 + 10 ** 10 ** 8
