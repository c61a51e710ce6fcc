"""Of a trial that failed beside something shared: was that why? Its keeper is asked before the failure is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from fairtrial.contract.engine import Ended, Report
from fairtrial.execute.tree.ending import blamed, failed
from fairtrial.execute.tree.keepers import Keepers
from fairtrial.model.outcome import FailureClass
from fairtrial.model.trial import Task


class User(Protocol):
    """A task that has left the driver."""

    task: Task
    slot: str
    """Where it runs; '' before it began."""


class Work(Protocol):
    """Who has tasks at work, and collects what is told of them."""

    reports: list[Report]

    @property
    def sent(self) -> Mapping[int, User]:
        """The tasks that have left the driver."""


class Inquest:
    """Holds failures back until it is known whether what they shared had died; the trial may have noticed first."""

    def __init__(self, keepers: Keepers, work: Work) -> None:
        self._keepers, self._work = keepers, work
        self.open = 0
        """Reports that are held back."""

    def hold(self, task: Task, report: Ended, lost: str) -> None:
        """Tell of a task's end; `lost` says why what it shared is known to be gone, '' where it is not."""
        if not task.share or not failed(report):
            self._work.reports.append(report)
        elif lost:
            self._work.reports.append(blamed(report, lost))
        else:
            self.open += 1
            if not self._keepers.ask(task.share, lambda why: self._close(task, report, why)):
                self._close(task, report, "")

    def _close(self, task: Task, report: Ended, why: str) -> None:
        self.open -= 1
        if why:
            self._work.reports.append(blamed(report, why))
            return
        self._work.reports.append(report)
        infra = any(one.failure is not None and one.failure.kind is FailureClass.INFRA for one in report.outcomes)
        in_use = any(sent.slot and sent.task.share == task.share for sent in self._work.sent.values())
        if infra and not in_use:  # the trial says that it does not serve, whatever the keeper sees
            self._keepers.let_go(task.share)
