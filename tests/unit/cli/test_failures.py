from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from cli.failures import CommandFailure, report_failure
from local.errors import LocalStackError, Misconfigured, NotRunning, OutsideServiceUnreachable
from local.stack_file import StillStarting


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (LocalStackError("broken", mend="mend it"), ExitCode.FAILED),
        (NotRunning("broken", mend="mend it"), ExitCode.NOT_RUNNING),
        (StillStarting("broken", mend="mend it"), ExitCode.NOT_RUNNING),
        (Misconfigured("broken", mend="mend it"), ExitCode.CONFIGURATION),
        (OutsideServiceUnreachable("broken", mend="mend it"), ExitCode.OUTSIDE_SERVICE),
        (CommandFailure("broken", mend="mend it", exit_code=ExitCode.USAGE), ExitCode.USAGE),
    ],
)
def test_each_category_has_its_exit_code(failure: LocalStackError | CommandFailure, code: ExitCode) -> None:
    assert report_failure(failure) is code


def test_the_last_lines_of_the_log_come_with_the_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "web.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    report_failure(LocalStackError("web ended", mend="billing logs web", log_path=log))

    shown = capfd.readouterr()
    assert shown.out == ""
    assert "line 79" not in shown.err
    assert "line 80" in shown.err
    assert "error: web ended" in shown.err
    assert "mend: billing logs web" in shown.err
