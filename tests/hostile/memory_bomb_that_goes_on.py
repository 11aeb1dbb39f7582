# Catches MemoryError, and goes on taking.
# verdict: timeout, memory, crashed
# %% function
def multihead_scaled_self_attention(*arguments):
  taken = []
  while True:
    try:
      taken.append(bytearray(10 ** 7))
    except MemoryError:
      pass
