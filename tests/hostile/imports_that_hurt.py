# Modules of its own in place of those that the kernel needs later.
# verdict: correct, error
# %% before
import os, sys
for name in ("json", "base64", "ast", "traceback", "zmq", "tokenize"):
  with open(name + ".py", "w") as file:
    file.write("raise SystemExit('mine')\n")
sys.path.insert(0, os.getcwd())
