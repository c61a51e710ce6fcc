"""What a trial printed may hold a secret: its value is replaced before anything is stored or shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from fairtrial.execute.trial.wire import private
from fairtrial.model.outcome import Captured, Outcome
from fairtrial.model.secret import Secret

BLOCK_BYTES = 1 << 20


class Redactor:
    """Replaces the values of secrets by `Secret('NAME')` in captured output and in failures.

    Values are read when it is made: a missing one is refused (UserError) before anything starts. Empty values hide
    nothing and are refused by no one.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        known = {secret.reveal(): repr(secret) for secret in secrets}
        self._names = {value: name for value, name in known.items() if value}
        self._bytes = {value.encode(): name.encode() for value, name in self._names.items()}

    @property
    def busy(self) -> bool:
        """Say whether there is anything to replace."""
        return bool(self._names)

    def outcome(self, outcome: Outcome) -> Outcome:
        """Return an outcome without the values; files that were kept are rewritten in place."""
        if not self._names:
            return outcome
        captured = outcome.captured
        for path in (captured.stdout_path, captured.stderr_path):
            if path:
                self.file(Path(path))
        clean = Captured(
            stdout=self.data(captured.stdout),
            stderr=self.data(captured.stderr),
            stdout_path=captured.stdout_path,
            stderr_path=captured.stderr_path,
        )
        failure = outcome.failure
        if failure is not None:
            failure = replace(failure, message=self.text(failure.message), detail=self.text(failure.detail))
        return replace(outcome, captured=clean, failure=failure)

    def text(self, text: str) -> str:
        """Return text without the values."""
        for value, name in self._names.items():
            text = text.replace(value, name)
        return text

    def data(self, data: bytes) -> bytes:
        """Return bytes without the values."""
        for value, name in self._bytes.items():
            data = data.replace(value, name)
        return data

    def file(self, path: Path) -> None:
        """Rewrite a file without the values."""
        overlap = max(map(len, self._bytes)) - 1
        clean = path.with_name(path.name + ".clean")
        with path.open("rb") as source, open(clean, "wb", opener=private) as target:
            held = b""
            while chunk := source.read(BLOCK_BYTES):
                held = self.data(held + chunk)
                cut = max(0, len(held) - overlap)
                target.write(held[:cut])
                held = held[cut:]
            target.write(held)
        clean.replace(path)
