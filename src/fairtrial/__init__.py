"""fairtrial: give every configuration a fair trial. The names here are imported when they are first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairtrial.api import Run, Study
    from fairtrial.model.secret import Secret

__version__ = "0.1.0"
__all__ = ["Run", "Secret", "Study", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Secret":
        from fairtrial.model.secret import Secret

        return Secret
    if name in ("Run", "Study"):
        from fairtrial import api

        return getattr(api, name)
    raise AttributeError(f"module 'fairtrial' has no attribute {name!r}")
