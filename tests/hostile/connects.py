# A server on this machine, one on the internet, and the name of one.
# verdict: wrong
# weakest: reduced
# %% attack
import socket
for address in (("127.0.0.1", TARGET["port"]), ("1.1.1.1", 53)):
  try:
    socket.create_connection(address, 1)
    hole = True
  except OSError:
    pass
try:
  hole = hole or bool(socket.getaddrinfo("example.org", 80))
except OSError:
  pass
