# Asks for another kernel and another language.
# %% scale
scale = None
# %% notebook
def change(notebook):
    notebook.metadata["kernelspec"] = {"name": "bash", "language": "bash", "display_name": "true"}
    notebook.metadata["language_info"] = {"name": "bash", "file_extension": ".sh"}
    notebook.nbformat_minor = 0
