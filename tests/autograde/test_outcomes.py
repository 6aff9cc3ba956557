from dataclasses import replace

from autograde import outcomes
from autograde.outcomes import Diagnosis, Ending, Outcome
from course_utils import exercises

MISTAKE = exercises.find("mlp_parameters").mistakes[0].name
OUTCOME = Outcome(
    "ada",
    "10_first",
    Ending.GRADED,
    12.5,
    20.0,
    1.25,
    "Your submission was graded.",
    "Graded.",
    {"mlp_parameters_check": 0.0, "written_why": None},
    (Diagnosis("mlp_parameters", True, (MISTAKE,)),),
    {"mlp_parameters": 17},
    "abc",
)


def test_an_outcome_survives_its_line():
    assert Outcome.from_line(OUTCOME.line()) == OUTCOME


def test_the_last_line_of_a_submission_counts_and_a_cut_one_is_passed_over(tmp_path):
    outcomes.append(tmp_path, OUTCOME)
    outcomes.append(tmp_path, replace(OUTCOME, score=3.0))
    with (tmp_path / outcomes.FILE).open("a") as file:
        file.write(OUTCOME.line()[:40])
    assert outcomes.load(tmp_path) == {("10_first", "ada"): replace(OUTCOME, score=3.0)}


def test_saved_outcomes_are_sorted_and_read_back(tmp_path):
    later = replace(OUTCOME, student="zoe"), replace(OUTCOME, lesson="00", student="zoe"), OUTCOME
    outcomes.save(tmp_path, later)
    assert list(outcomes.load(tmp_path)) == [("00", "zoe"), ("10_first", "ada"), ("10_first", "zoe")]


def test_no_outcomes_yet(tmp_path):
    assert outcomes.load(tmp_path) == {}


def test_a_diagnosis_takes_over_nothing_but_names_that_exist():
    record = {
        "exercise": "mlp_parameters",
        "mistakes": [MISTAKE, "<script>", 3],
        "hidden": 1,
        "problem": "",
        "error": 0,
    }
    assert Diagnosis.from_record(record) == Diagnosis("mlp_parameters", True, (MISTAKE,))
    for forged in (None, [], {}, {"exercise": "<b>"}, {"exercise": ["mlp_parameters"]}):
        assert Diagnosis.from_record(forged) is None
    assert Diagnosis.from_record({"exercise": "mlp_parameters", "mistakes": "all"}) == Diagnosis("mlp_parameters")
    blank = {"exercise": "mlp_parameters", "problem": "There is no answer yet: replace it."}
    assert Diagnosis.from_record(blank) == Diagnosis("mlp_parameters", blank=True)
