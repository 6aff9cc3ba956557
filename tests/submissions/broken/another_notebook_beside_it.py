# The notebook, and a scratch one beside it.
DUE = "all"


def hand_in(folder, made, text):
    (folder / "20_attacks.ipynb").write_text(text(made))
    (folder / "scratch.ipynb").write_text("{}")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "20_attacks-checkpoint.ipynb").write_text("{}")
