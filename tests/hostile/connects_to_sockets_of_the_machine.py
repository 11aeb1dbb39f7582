# docker.sock and everything else that listens in the file system or without a name.
# verdict: wrong
# weakest: confined
# %% attack
import glob, socket
names = ["/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", TARGET["socket"], "\0" + TARGET["abstract"]]
for name in names + glob.glob("/run/*.sock"):
  try:
    socket.socket(socket.AF_UNIX).connect(name)
    hole = True
  except OSError:
    pass
