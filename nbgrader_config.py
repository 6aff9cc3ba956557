"""Where the course lies, for nbgrader and for autograde: both read this file from the folder that it is in."""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821 (given by the loader)

root = Path(__file__).resolve().parent
if os.access(root, os.W_OK):
    (root / "class").mkdir(exist_ok=True)  # the gradebook's folder; SQLite makes the file, not the folder

programs = str(Path(sys.executable).parent)
if programs not in os.environ["PATH"].split(os.pathsep):  # nbgrader calls alembic, also where .venv is not activated
    os.environ["PATH"] = os.pathsep.join([programs, os.environ["PATH"]])

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "convnets-by-hand"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
c.CourseDirectory.submitted_directory = "class/submitted"
c.CourseDirectory.autograded_directory = "class/autograded"
c.CourseDirectory.feedback_directory = "class/feedback"
c.CourseDirectory.db_url = f"sqlite:///{root / 'class' / 'gradebook.db'}"

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
c.Execute.timeout = 60  # seconds a cell

# autograde's own settings
c.Course.points = 20  # of every lesson
c.Course.submission_seconds = 600  # for all cells of a submission together
