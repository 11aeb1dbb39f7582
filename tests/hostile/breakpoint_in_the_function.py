# A debugger that waits for commands.
# verdict: wrong, error, timeout
# %% function
def multihead_scaled_self_attention(*arguments):
  breakpoint()
  return arguments[0]
