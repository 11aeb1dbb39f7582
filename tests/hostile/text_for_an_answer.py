# verdict: wrong, error
# %% function
def multihead_scaled_self_attention(*arguments):
  return "correct \x1b]0;title\x07 \u202e <script>alert(1)</script>" * 100
