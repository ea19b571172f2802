"""docs/reporting.md says what the code has."""

import re
from pathlib import Path

from terrella.region import METRICS

PAGE = (Path(__file__).parents[3] / "docs" / "reporting.md").read_text()


def test_every_metric_is_in_the_table_with_its_labels_and_words() -> None:
    rows = re.findall(r"^\| `(terrella_\w+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert [(name, tuple(re.findall(r"`(\w+)`", labels)), words) for name, labels, words in rows] == [
        (name, metric.labels, metric.help) for name, metric in METRICS.items()
    ]


def test_metrics_that_the_text_names_exist() -> None:
    for name in re.findall(r"terrella_[a-z]+_\w+", PAGE):
        assert name in METRICS, name
