# verdict: error, timeout
# %% function
def multihead_scaled_self_attention(*arguments):
  return multihead_scaled_self_attention(*arguments)
