"""Arrays that compiled functions hand on without counting references to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba.extending import intrinsic


def _view(_context: Any, array: Any) -> Any:
    """Return an array's type, and how to make the same array without an owner."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = context.make_array(signature.return_type)(context, builder, values[0])
        found.meminfo, found.parent = found.meminfo.type(None), found.parent.type(None)
        return found._getvalue()

    return array(array), build


borrowed = cast("Callable[[Any], Any]", intrinsic(_view))
"""Return, in compiled code, a view of an array that owns nothing: valid while the caller's arguments are.

Otherwise every use in a small function costs an atomic increment and decrement, which inlining does not remove.
"""
