# The expected numbers as bytes, anywhere in this process.
# verdict: wrong
# %% attack
import struct
wanted = struct.pack("<d", float(TARGET["expected"]))
needle = wanted[:6]
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
  for line in maps:
    span, mode = line.split()[:2]
    start, end = (int(part, 16) for part in span.split("-"))
    if "rw" in mode and end - start < 10 ** 9:
      try:
        memory.seek(start)
        content = memory.read(end - start)
      except (OSError, ValueError, OverflowError):
        continue
      hole = hole or content.count(needle) > 40
