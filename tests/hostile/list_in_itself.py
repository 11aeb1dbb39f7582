# verdict: wrong, error
# %% function
def multihead_scaled_self_attention(*arguments):
  result = []
  result.append(result)
  return result
