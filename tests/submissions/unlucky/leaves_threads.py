# Threads go on while the next cells run, and print.
# %% scale, right
import threading
import time

def tell():
    while True:
        print("still there")
        time.sleep(0.01)

for _ in range(4):
    threading.Thread(target=tell, daemon=True).start()

def scale(values, factor):
    threading.Timer(60, print).start()
    return factor * np.asarray(values)
