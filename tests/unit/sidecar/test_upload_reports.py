"""The report always fits, and always says what matters."""

from hypothesis import given
from hypothesis import strategies as st

from trainingjob.contract.report import Metric, Report
from trainingjob.sidecar.reports import fit, shorten

URI = "s3://runs/team/mnist/uid/0/worker-0"
METRICS = tuple(Metric(name=f"metric_{number:02d}", value=number / 3, step=number) for number in range(64))


def test_report_that_fits_is_told_as_a_whole() -> None:
    report = Report(uri=URI, sha256="a" * 64, files=3, bytes=9, complete=True, metrics=METRICS[:3])
    assert Report.model_validate_json(fit(report, 1024)) == report


def test_metrics_that_come_last_in_the_order_of_names_are_dropped_first() -> None:
    report = Report(uri=URI, sha256="a" * 64, complete=True, metrics=METRICS[::-1])
    text = fit(report, 1024)
    kept = [metric.name for metric in Report.model_validate_json(text).metrics]
    assert kept == [metric.name for metric in METRICS[: len(kept)]]
    assert len(kept) > 5
    assert len(text.encode()) <= 1024 < len(text.encode()) + 60


@given(problem=st.text(max_size=2000), metrics=st.integers(0, 64), most=st.integers(300, 4096))
def test_report_never_has_more_bytes_than_are_allowed(problem: str, metrics: int, most: int) -> None:
    report = Report(uri=URI, sha256="a" * 64, problem=shorten(problem), metrics=METRICS[:metrics])
    text = fit(report, most)
    assert len(text.encode()) <= most
    assert Report.model_validate_json(text).uri == URI
