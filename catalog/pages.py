"""Pages as text: templates with what they may call, in one language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import ChainableUndefined, Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from catalog import facets, labels
from catalog.client import Json
from catalog.index import Stored
from catalog.languages import N_, Language
from catalog.reading import Offer


class Pages:
    """The pages in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        environment = Environment(
            loader=PackageLoader(__package__, "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            # Documents are foreign: what one lacks is left out of its page, and never a fault.
            undefined=ChainableUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
            language.gettext, language.ngettext, newstyle=True
        )
        environment.globals |= {
            "spoken": language,
            "facet_label": lambda name: labels.label(language, labels.FACETS, name),
            "value_label": lambda facet, code: labels.value_label(language, facet, code),
            "label": lambda table, code: labels.label(language, getattr(labels, table), str(code)),
            "FACETS": facets.FACETS,
            "EXCLUSIONS": labels.EXCLUSIONS,
            "SORTS": labels.SORTS,
            "BUYERS": [code.removeprefix("buyer.") for code in labels.VALUES if code.startswith("buyer.")],
            "Offer": Offer,
            "urlencode": urlencode,
            "language_link": _language_link,
            "reasons": self.reasons,
        }
        environment.filters |= {
            "day": language.day,
            "moment": language.moment,
            "yen": language.yen,
            "number": language.number,
            "country": language.country,
            "tongue": language.tongue,
            "items": _items,
        }
        self._environment = environment

    def render(self, template: str, **values: Any) -> str:
        """A page."""
        return self._environment.get_template(template).render(**values)

    def record_rows(self, record: Json) -> Iterator[list[str]]:
        """A selection record as a table: what it is about, then a line a listing."""
        say = self._language.gettext
        catalog = record["catalog"]
        yield [say(N_("Selection record")), record["title"]]
        yield [say(N_("Made at")), record["made_at"]]
        yield [say(N_("Catalog")), catalog["url"]]
        yield [say(N_("Position")), str(catalog["position"])]
        yield [say(N_("Digest of the catalog")), catalog["digest"]]
        yield [say(N_("Digest of the record")), record["digest"]]
        for part, heading in (("scope", N_("Looked for")), ("requirements", N_("Required"))):
            for name, code in record["criteria"][part]:
                facet = labels.label(self._language, labels.FACETS, name)
                value = code if name == "q" else labels.value_label(self._language, name, code)
                yield [say(heading), facet if name != "q" else say(N_("Words")), value]
        yield []
        yield [
            say(heading)
            for heading in (
                N_("Listing"),
                N_("Version"),
                N_("Name"),
                N_("Seller"),
                N_("Lowest price"),
                N_("Outcome"),
                N_("Reasons"),
                N_("Digest"),
            )
        ]
        for item in record["long_list"]:
            price = item["lowest_price_jpy"]
            chosen = item["outcome"] == "shortlisted"
            yield [
                item["listing_id"],
                str(item["version"]),
                item["name"].get(self._language.tag, ""),
                item["seller"],
                "" if price is None else str(price),
                say(N_("Short list") if chosen else N_("Left out")),
                " / ".join(self.reasons(item)) or item.get("note", ""),
                item["digest"] or "",
            ]

    def reasons(self, item: Json) -> list[str]:
        """The reasons of one line of a record, in words."""
        told = []
        for reason in item["reasons"]:
            if reason["code"] == "requirement":
                facet = labels.label(self._language, labels.FACETS, reason["facet"])
                told.append(self._language.gettext(N_("Requirement not met: {facet}")).format(facet=facet))
            else:
                words = labels.label(self._language, labels.EXCLUSIONS, reason["code"])
                told.append(f"{words}: {reason['note']}" if reason.get("note") else words)
        return told


def _items(value: object) -> list[Any]:
    """The items of a list; none of anything else."""
    return value if isinstance(value, list) else []


def _language_link(tag: str, here: str) -> str:
    return f"/language/{tag}?back={quote(here, safe='')}"


def json_ld(stored: Stored, offer: Offer, public_url: str) -> Markup:
    """What search engines read (schema.org ``SoftwareApplication``), safe inside a script element."""
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "SoftwareApplication",
        "name": offer.name("ja"),
        "alternateName": offer.name("en"),
        "description": offer.summary("ja"),
        "applicationCategory": offer.product.get("category"),
        "identifier": stored.listing_id,
        "softwareVersion": offer.product.get("version"),
        "inLanguage": offer.product.get("languages"),
        "operatingSystem": "Web",
        "provider": _organisation(offer, "seller"),
        "creator": _organisation(offer, "maker"),
        "offers": [
            {
                "@type": "Offer",
                "name": price.get("plan"),
                "price": price["amount_jpy"],
                "priceCurrency": "JPY",
                "priceSpecification": {
                    "@type": "UnitPriceSpecification",
                    "price": price["amount_jpy"],
                    "priceCurrency": "JPY",
                    "unitText": price["per"],
                },
            }
            for price in offer.prices
        ],
    }
    if public_url:
        document["url"] = f"{public_url}/listings/{stored.listing_id}"
    written = json.dumps({key: value for key, value in document.items() if value}, ensure_ascii=False)
    # Nothing in it may end the element, nor begin a comment in it.
    safe = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704 - escaped above


def _organisation(offer: Offer, role: str) -> dict[str, Any]:
    party = getattr(offer, role)
    return {
        "@type": "Organization",
        "name": party.name,
        "identifier": [
            {"@type": "PropertyValue", "propertyID": scheme, "value": number}
            for scheme, number in party.identifiers
        ],
    }
