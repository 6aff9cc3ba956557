# Brackets within brackets, a hundred thousand deep, in the notebook's metadata.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    deep = "[" * 100_000 + "]" * 100_000
    (folder / "20_attacks.ipynb").write_text(text(made).replace('"metadata": {', f'"metadata": {{"x": {deep}, ', 1))
