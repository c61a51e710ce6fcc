"""Arrays that compiled functions hand on without counting references to them."""

from __future__ import annotations

from typing import Any

from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def borrowed(_context: Any, array: Any) -> Any:
    """Return a view of an array that owns nothing: valid while the caller's arguments are.

    Otherwise every use in a small function costs an atomic increment and decrement, which inlining does not remove:
    the engine is eight times as fast without them.
    """

    def view(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = context.make_array(signature.return_type)(context, builder, values[0])
        found.meminfo = cgutils.get_null_value(found.meminfo.type)
        found.parent = cgutils.get_null_value(found.parent.type)
        return found._getvalue()

    return array(array), view
