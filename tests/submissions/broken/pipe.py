# A FIFO in the notebook's place: who opens it would wait for ever.
import os

DUE = "unreadable notebook"


def hand_in(folder, made, text):
    os.mkfifo(folder / "20_attacks.ipynb")
