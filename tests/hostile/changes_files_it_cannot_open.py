# Modes, owners, times and links of files that belong to others.
# verdict: wrong
# weakest: reduced
# %% attack
import os
secret = TARGET["canary"] + "/secret.txt"
for change in (
  lambda: os.link(secret, "link") or open("link").read(),
  lambda: os.symlink(secret, "symbolic") or open("symbolic").read(),
  lambda: os.rename(secret, "mine"),
  lambda: os.truncate(secret, 0),
):
  try:
    change()
    hole = True
  except OSError:
    pass
