# Nobody is there to answer.
# verdict: error
# %% function
def multihead_scaled_self_attention(*arguments):
  return float(input("scale? "))
