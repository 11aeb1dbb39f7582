# What is registered to run at the end never ends.
# verdict: correct
# %% before
import atexit, threading, time
atexit.register(time.sleep, 10 ** 6)
threading.Thread(target=time.sleep, args=(10 ** 6,)).start()
