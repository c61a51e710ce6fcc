"""The sections that a load test adds to its report, from its trials and its raw tables."""

from __future__ import annotations

from collections.abc import Sequence

from fairtrial.contract.system import Tables
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements
from fairtrial.systems.services.conclude.bottleneck import bottleneck
from fairtrial.systems.services.conclude.host import host
from fairtrial.systems.services.conclude.known import facts
from fairtrial.systems.services.conclude.ladder import ladder
from fairtrial.systems.services.conclude.latency import latency
from fairtrial.systems.services.conclude.misses import misses
from fairtrial.systems.services.conclude.rates import throughput
from fairtrial.systems.services.conclude.raw import read
from fairtrial.systems.services.conclude.resources import resources
from fairtrial.systems.services.conclude.rules import Views
from fairtrial.systems.services.conclude.samples import samples
from fairtrial.systems.services.conclude.tokens import recall, tokens


def sections(measured: Measurements, tables: Tables) -> Sequence[Section]:
    """Return plots and tables of latency, throughput, errors and resources, the bottleneck, and the host.

    What was not measured has no section; a raw table that no trial kept is left out and said to be missing.
    """
    if not len(measured):
        return ()
    along = ladder(measured)
    known = facts(read(tables, "facts"))
    used = samples(along, read(tables, "samples"), known)
    made = (
        throughput(along),
        latency(along, tables),
        tokens(along),
        recall(along),
        misses(along, tables),
        resources(along, used),
        bottleneck(Views(along, used, known)),
        host(along, known, used),
    )
    return [section for section in made if section is not None]
