# As many threads as there can be, all busy. Ends as: time limit.
# %% scale
import threading

def busy():
    while True:
        pass

def scale(values, factor):
    while True:
        try:
            threading.Thread(target=busy).start()
        except RuntimeError:
            pass
