# Takes all the memory there is.
# verdict: memory
# %% function
def multihead_scaled_self_attention(*arguments):
  taken = []
  while True:
    taken.append(bytearray(10 ** 9))
