# git's marks of a conflict between the lines of the file, which is no JSON any more.
DUE = "unreadable notebook"


def hand_in(folder, made, text):
    lines = text(made).split("\n")
    conflict = ["<<<<<<< HEAD", *lines[20:24], "=======", *lines[20:22], ">>>>>>> main"]
    (folder / "20_attacks.ipynb").write_text("\n".join([*lines[:20], *conflict, *lines[24:]]))
