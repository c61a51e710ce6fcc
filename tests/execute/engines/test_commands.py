"""Programs as trials: started, limited, stopped, and read."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from fairtrial.contract.engine import Ended, Started, Stepped
from fairtrial.model.outcome import FailureClass, Status
from fairtrial.model.trial import Member, Task


def test_metrics_come_from_the_last_line(engine, open_session, command, shell, outcome):
    """A program that exits 0 is asked for its metrics; what it printed is kept."""
    found = outcome(open_session(engine, command), shell(1, """echo hello; echo '{"m": 2}'; echo oops >&2"""))
    assert (found.status, dict(found.metrics)) == (Status.DONE, {"m": 2.0})
    assert found.captured.stdout == b'hello\n{"m": 2}\n'
    assert found.captured.stderr == b"oops\n"


def test_the_environment_tells_the_trial(engine, open_session, command, shell, outcome, folder):
    """Seed, attempt, scratch, and the folder of the study."""
    script = """
        test "$EXTRA" = set && test -d "$FAIRTRIAL_SCRATCH" && test "$FAIRTRIAL_MARK" || test "$0" || exit 9
        echo "{\\"seed\\": $FAIRTRIAL_SEED, \\"trial\\": $FAIRTRIAL_TRIAL}" > "$FAIRTRIAL_OUT"
        pwd
    """
    found = outcome(open_session(engine, command), shell(5, script))
    assert dict(found.metrics) == {"seed": 7.0, "trial": 5.0}
    assert found.captured.stdout.decode().strip() == str(folder)


@pytest.mark.parametrize(
    ("script", "kind", "message", "code", "number"),
    [
        ("echo broken >&2; exit 3", FailureClass.EXCEPTION, "exited 3: broken", 3, None),
        ("exit 4", FailureClass.EXCEPTION, "exited 4", 4, None),
        ("kill -9 $$", FailureClass.CRASH, "killed by SIGKILL", None, 9),
        ("echo no json", FailureClass.EXCEPTION, "JSONDecodeError: Expecting value", 0, None),
        ("""echo '{"m": "fast"}'""", FailureClass.BAD_RESULT, "metric 'm' is 'fast', not a number", 0, None),
    ],
)
def test_failures_of_programs(engine, open_session, command, shell, outcome, script, kind, message, code, number):
    """Exit codes, signals and unusable results have their classes; the end of stderr is the detail."""
    failure = outcome(open_session(engine, command), shell(1, script)).failure
    assert (failure.kind, failure.exit_code, failure.signal) == (kind, code, number)
    assert failure.message.startswith(message)
    if "broken" in script:
        assert failure.detail == "broken\n"


def test_a_program_that_is_not_there(engine, open_session, command, outcome):
    """What cannot be started is a failure that names it."""
    one = Task(1, (Member(1, {"argv": ["/no/such/program"]}, 7),))
    failure = outcome(open_session(engine, command), one).failure
    assert failure.kind is FailureClass.EXCEPTION
    assert "/no/such/program" in failure.message


def test_prepare_may_fail(engine, open_session, command, outcome):
    """So is what `prepare` raises."""
    one = Task(1, (Member(1, {"argv": [], "fail": True}, 7),))
    failure = outcome(open_session(engine, command), one).failure
    assert failure.message == "ValueError: cannot prepare"


def test_steps_of_a_program(engine, open_session, command, shell, drive):
    """One JSON object a line is one step, numbered where it does not say; what is none is passed over."""
    script = """
        echo '{"loss": 1}' >> $FAIRTRIAL_STEPS; echo 'not json' >> $FAIRTRIAL_STEPS
        echo '{"step": 5, "loss": 0.5}' >> $FAIRTRIAL_STEPS; echo '{"loss": NaN}' >> $FAIRTRIAL_STEPS
        echo '{"m": 1}'
    """
    reports = drive(open_session(engine, command), [shell(1, script)])
    assert [(one.step, dict(one.metrics)) for one in reports if isinstance(one, Stepped)] == [
        (0, {"loss": 1.0}),
        (5, {"loss": 0.5}),
        (6, {"loss": None}),
    ]


def test_a_watched_program_is_pruned_by_sigterm(engine, open_session, command, shell, drive):
    """A strategy's stop reaches a program as SIGTERM; it may tidy up."""
    script = """
        trap 'echo tidy; exit 0' TERM; echo '{"loss": 1}' >> $FAIRTRIAL_STEPS
        for i in $(seq 600); do sleep 0.1; done
    """
    session = open_session(engine, command)

    def answer(report):
        if isinstance(report, Stepped):
            session.answer(report.attempt, report.step, stop=True)

    reports = drive(session, [shell(1, script, watched=True)], on_report=answer)
    assert reports[-1].outcomes[0].status is Status.PRUNED
    assert reports[-1].outcomes[0].captured.stdout == b"tidy\n"


def test_a_program_at_its_wall_gets_a_grace_period(engine, open_session, command, shell, outcome):
    """SIGTERM first; a result printed after that does not count."""
    script = """trap 'echo "{\\"m\\": 1}"; exit 0' TERM; for i in $(seq 600); do sleep 0.1; done"""
    found = outcome(open_session(engine, command), shell(1, script, wall_s=0.3))
    assert found.failure.kind is FailureClass.TIMEOUT
    assert found.failure.limiter == "wall"
    assert found.captured.stdout == b'{"m": 1}\n'


def test_a_program_that_ignores_sigterm_is_killed(engine, open_session, command, shell, outcome):
    """SIGKILL follows the grace period."""
    found = outcome(open_session(engine, command), shell(1, "trap '' TERM; while :; do sleep 1; done", wall_s=0.2))
    assert found.failure.kind is FailureClass.TIMEOUT


def test_what_a_program_leaves_behind_is_ended(isolating, open_session, command, shell, outcome, named):
    """Its grandchildren too, whatever session they are in."""
    session = open_session(isolating, command)
    script = """setsid sleep 1000 & (trap '' TERM; sleep 1000) & sleep 1000 & echo '{"m": 1}'"""
    assert outcome(session, shell(1, script)).status is Status.DONE
    assert named(session.mark, "sleep") == []


def test_cancelling_a_program(isolating, open_session, command, shell, drive):
    """A cancelled program gets SIGTERM and ends as cancelled."""
    session = open_session(isolating, command)

    def stop(report):
        if isinstance(report, Started):
            session.stop(report.task, "cancelled")

    reports = drive(session, [shell(1, "sleep 1000")], on_report=stop)
    assert [one.outcomes[0].status for one in reports if isinstance(one, Ended)] == [Status.CANCELLED]


def test_standard_input_is_empty_and_pipes_break(isolating, open_session, command, shell, outcome):
    """Programs read nothing, and SIGPIPE ends what writes to nobody, as in a shell."""
    script = """read line && exit 5; yes | head -n 1 > /dev/null; echo "{\\"m\\": ${PIPESTATUS[0]}}" """
    assert dict(outcome(open_session(isolating, command), shell(1, script)).metrics) == {"m": 128.0 + signal.SIGPIPE}


def test_output_of_a_program_beyond_the_inline_size(engine, open_session, command, shell, outcome):
    """The last line is found behind 20 MB of others, which stay in a file."""
    script = """head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo '{"m": 1}'"""
    found = outcome(open_session(engine, command), shell(1, script))
    assert dict(found.metrics) == {"m": 1.0}
    assert Path(found.captured.stdout_path).stat().st_size == 20_000_010
