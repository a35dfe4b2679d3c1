"""Which connectors there are, and how they come to be from settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from connectors import (
    brreg,
    companies_house,
    entreprises,
    fedramp,
    gbizinfo,
    gleif,
    invoice,
    ismap,
    isms,
    nta,
    privacymark,
    startup,
    suspension,
    vies,
    yente,
)
from pipeline.errors import ConfigurationError
from pipeline.ports import Connector

GROUP = "sekisho.connectors"
"""The entry point group of third-party connectors. An entry's name is its source, its object a factory."""

Factory = Callable[[Mapping[str, str]], Connector]
"""Makes a connector from the settings of its source.

It raises KeyError with the name of a setting that it lacks, and ConfigurationError for one it cannot use.
"""

BUILT_IN: Mapping[str, Factory] = {
    nta.SOURCE: nta.connector,
    invoice.SOURCE: invoice.connector,
    gbizinfo.SOURCE: gbizinfo.connector,
    ismap.SOURCE: ismap.connector,
    isms.SOURCE: isms.connector,
    privacymark.SOURCE: privacymark.connector,
    suspension.SOURCE: suspension.connector,
    startup.SOURCE: startup.connector,
    gleif.SOURCE: gleif.connector,
    companies_house.SOURCE: companies_house.connector,
    brreg.SOURCE: brreg.connector,
    entreprises.SOURCE: entreprises.connector,
    vies.SOURCE: vies.connector,
    fedramp.SOURCE: fedramp.connector,
    yente.SOURCE: yente.connector,
}
"""The connectors that come with Sekisho. A new one is its module and its line here."""


def connect(settings: Mapping[str, Mapping[str, str]]) -> list[Connector]:
    """The connector of each source that has settings, in their order. A blank setting counts as not set.

    :raises ConfigurationError: with every fault of all of them. No value of a setting is in it.
    """
    third_party = load_entry_points(set(settings) - set(BUILT_IN))
    connectors, faults = [], []
    for source, chosen in settings.items():
        factory = BUILT_IN.get(source) or third_party.get(source)
        if factory is None:
            faults.append(f"{source}: no connector of this name is installed")
            continue
        try:
            connector = factory({name: value for name, value in chosen.items() if value})
        except KeyError as missing:
            faults.append(f"{source}: {missing.args[0]} is not set")
        except ConfigurationError as error:
            faults += error.faults
        else:
            connectors.append(connector)
            if connector.source != source:
                faults.append(f"{source}: the connector of this name has the source {connector.source}")
    if faults:
        raise ConfigurationError(faults)
    return connectors


def load_entry_points(sources: set[str]) -> dict[str, Factory]:
    """The factories that installed packages announce for these sources.

    :raises ConfigurationError: when one cannot be imported, or two packages announce the same source.
    """
    factories: dict[str, Factory] = {}
    faults = []
    for entry in entry_points(group=GROUP):
        if entry.name not in sources:
            continue
        if entry.name in factories:
            faults.append(f"{entry.name}: more than one package announces it")
            continue
        try:
            factories[entry.name] = entry.load()
        except Exception as error:  # noqa: BLE001 - importing runs code that may raise anything
            faults.append(f"{entry.name}: {entry.value} cannot be imported ({type(error).__name__})")
    if faults:
        raise ConfigurationError(faults)
    return factories
