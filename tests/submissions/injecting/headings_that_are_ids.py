# Headings whose anchors are the ids that Formgrader's page looks for, to take the place of its own parts.
# %% written_why
# written_why

written_why-comment
===

# written_why_extra_credit
# %% notebook
from nbformat.v4 import new_markdown_cell


def change(notebook):
    notebook.cells.insert(0, new_markdown_cell("# written_why\n\n## statusmessage\n\nnotebook\n---"))
