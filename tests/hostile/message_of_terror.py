# Control characters, markup and commands for whoever shows the message.
# verdict: error
# %% function
def multihead_scaled_self_attention(*arguments):
  raise ValueError("\x1b]0;owned\x07\x1b[2J\u202ekcah\r\n::error::x\n=cmd|' /C calc'!A0 <script>alert(1)</script> [red]x[/red] " * 50)
