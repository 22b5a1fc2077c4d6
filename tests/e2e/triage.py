"""What tests of `gantry predict` share: studies in, tables out."""
import csv

import openpyxl

import chest
from runner import wait_for

NINE = ["path_to_study", "study_uid", "series_uid", "probability_of_pathology", "pathology", "processing_status",
        "time_of_processing", "most_dangerous_pathology_type", "pathology_localization"]
COLUMNS = NINE + ["error", "reason"]
SMALL = {"slices": 24, "columns": 160}
RULE, SHORT = "=" * 60, "=" * 50


def predict(g, *args, status=0, model="none", **options):
    """`gantry predict` on g.zips, in g.base; model=None takes the one that ships."""
    words = ["--model", model] if model else []
    outcome = g.run("predict", "-i", g.zips, *words, *args, cwd=options.pop("cwd", g.base), **options)
    assert status is None or outcome.rc == status, outcome
    return outcome


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_xlsx(path):
    rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def studies(g, *names, **options):
    for seed, name in enumerate(names, 1):
        chest.write_zip(g.zips / name, seed, **{**SMALL, **options})


def wait_for_rows(path, n):
    def look():
        try:
            return len(read_csv(path)) >= n
        except OSError:
            return False
    wait_for(look, f"{n} rows in {path}")
