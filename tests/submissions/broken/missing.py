# A folder without any notebook.
DUE = "missing"


def hand_in(folder, made, text):
    (folder / "answers.txt").write_text("I could not upload it.")
