"""What codes are called. Each text is a message of ``locale/ja.po``."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.languages import N_, Language

FACETS: Mapping[str, str] = {
    "category": N_("Category"),
    "buyer": N_("Approved for"),
    "residency": N_("Place of data"),
    "certificate": N_("Certificates"),
    "deployment": N_("Delivery"),
    "exit": N_("Freedom to leave"),
    "format": N_("Export formats"),
    "law": N_("Law and court"),
    "company": N_("Company"),
    "prefecture": N_("Prefecture of an office"),
    "language": N_("Languages of the product"),
}

VALUES: Mapping[str, str] = {
    "category.chat": N_("Chat"),
    "category.web-meeting": N_("Web meetings"),
    "category.data-analysis": N_("Data analysis"),
    "category.accounting": N_("Accounting"),
    "category.development-tools": N_("Development tools"),
    "category.project-management": N_("Project management"),
    "residency.jp-only": N_("Kept, handled and supported in Japan only"),
    "residency.jp": N_("Kept in Japan"),
    "residency.jp-eea": N_("Kept in Japan or the EEA"),
    "residency.jp-eea-gb": N_("Kept in Japan, the EEA or the United Kingdom"),
    "certificate.ismap": N_("ISMAP"),
    "certificate.ismap-liu": N_("ISMAP-LIU or better"),
    "certificate.iso27001": N_("ISO/IEC 27001"),
    "certificate.iso27017": N_("ISO/IEC 27017"),
    "certificate.iso27018": N_("ISO/IEC 27018"),
    "certificate.iso27701": N_("ISO/IEC 27701"),
    "certificate.privacymark": N_("PrivacyMark"),
    "certificate.soc2": N_("SOC 2"),
    "certificate.csa-star": N_("CSA STAR"),
    "certificate.cyber-essentials-plus": N_("Cyber Essentials Plus"),
    "deployment.public-cloud": N_("Public cloud"),
    "deployment.private-cloud": N_("Private cloud"),
    "deployment.government-cloud": N_("Government Cloud"),
    "deployment.lgwan-asp": N_("LGWAN-ASP"),
    "exit.free-to-leave": N_("No lock-in: open format, charges told, 30 days or more"),
    "exit.open-format": N_("Exports an open format"),
    "exit.fee-disclosed": N_("Exit charges disclosed"),
    "exit.retrieval-60": N_("60 days or more to fetch the data"),
    "exit.retrieval-30": N_("30 days or more to fetch the data"),
    "exit.deletion-certified": N_("Deletion certified"),
    "format.csv": N_("CSV"),
    "format.json": N_("JSON"),
    "format.xml": N_("XML"),
    "format.parquet": N_("Parquet"),
    "format.odf": N_("OpenDocument"),
    "format.sql-dump": N_("SQL dump"),
    "law.jp-law-and-court": N_("Japanese law and court"),
    "law.jp-law": N_("Japanese law"),
    "company.startup": N_("Start-up"),
    "company.sme": N_("Small or medium firm"),
    "company.maker": N_("Sold by its maker"),
    "company.reseller": N_("Sold by a reseller"),
    "buyer.kobe-city": N_("Kobe City"),
    "buyer.tokyo-metropolitan": N_("Tokyo Metropolitan Government"),
    "buyer.meti": N_("Ministry of Economy, Trade and Industry"),
    "buyer.maff": N_("Ministry of Agriculture, Forestry and Fisheries"),
    "prefecture.JP-01": N_("Hokkaido"),
    "prefecture.JP-02": N_("Aomori"),
    "prefecture.JP-03": N_("Iwate"),
    "prefecture.JP-04": N_("Miyagi"),
    "prefecture.JP-05": N_("Akita"),
    "prefecture.JP-06": N_("Yamagata"),
    "prefecture.JP-07": N_("Fukushima"),
    "prefecture.JP-08": N_("Ibaraki"),
    "prefecture.JP-09": N_("Tochigi"),
    "prefecture.JP-10": N_("Gunma"),
    "prefecture.JP-11": N_("Saitama"),
    "prefecture.JP-12": N_("Chiba"),
    "prefecture.JP-13": N_("Tokyo"),
    "prefecture.JP-14": N_("Kanagawa"),
    "prefecture.JP-15": N_("Niigata"),
    "prefecture.JP-16": N_("Toyama"),
    "prefecture.JP-17": N_("Ishikawa"),
    "prefecture.JP-18": N_("Fukui"),
    "prefecture.JP-19": N_("Yamanashi"),
    "prefecture.JP-20": N_("Nagano"),
    "prefecture.JP-21": N_("Gifu"),
    "prefecture.JP-22": N_("Shizuoka"),
    "prefecture.JP-23": N_("Aichi"),
    "prefecture.JP-24": N_("Mie"),
    "prefecture.JP-25": N_("Shiga"),
    "prefecture.JP-26": N_("Kyoto"),
    "prefecture.JP-27": N_("Osaka"),
    "prefecture.JP-28": N_("Hyogo"),
    "prefecture.JP-29": N_("Nara"),
    "prefecture.JP-30": N_("Wakayama"),
    "prefecture.JP-31": N_("Tottori"),
    "prefecture.JP-32": N_("Shimane"),
    "prefecture.JP-33": N_("Okayama"),
    "prefecture.JP-34": N_("Hiroshima"),
    "prefecture.JP-35": N_("Yamaguchi"),
    "prefecture.JP-36": N_("Tokushima"),
    "prefecture.JP-37": N_("Kagawa"),
    "prefecture.JP-38": N_("Ehime"),
    "prefecture.JP-39": N_("Kochi"),
    "prefecture.JP-40": N_("Fukuoka"),
    "prefecture.JP-41": N_("Saga"),
    "prefecture.JP-42": N_("Nagasaki"),
    "prefecture.JP-43": N_("Kumamoto"),
    "prefecture.JP-44": N_("Oita"),
    "prefecture.JP-45": N_("Miyazaki"),
    "prefecture.JP-46": N_("Kagoshima"),
    "prefecture.JP-47": N_("Okinawa"),
}

SORTS: Mapping[str, str] = {
    "match": N_("Best match"),
    "name": N_("Name"),
    "new": N_("Newest decision"),
    "price": N_("Lowest price"),
}

DATA_CLASSES: Mapping[str, str] = {
    "content": N_("Content"),
    "account": N_("Accounts"),
    "backup": N_("Backups"),
    "telemetry": N_("Telemetry"),
    "support": N_("Support records"),
    "ai-prompt": N_("Input to AI"),
}

UNITS: Mapping[str, str] = {
    "user-month": N_("a user and month"),
    "organisation-month": N_("an organisation and month"),
    "user-year": N_("a user and year"),
    "organisation-year": N_("an organisation and year"),
    "once": N_("once"),
}

DECISIONS: Mapping[str, str] = {
    "approve": N_("Meets the rules"),
    "review": N_("A person has to look"),
    "reject": N_("Does not meet the rules"),
}

TOMBSTONES: Mapping[str, str] = {
    "hidden": N_("Not shown for now. That says nothing about the product."),
    "suspended": N_("Suspended: what the listing rests on is in doubt and is being looked at."),
    "withdrawn": N_("Withdrawn by its vendor, or no longer in the catalog."),
    "expired": N_("Expired: what the listing rested on has run out."),
}

CHANGES: Mapping[str, str] = {
    "published": N_("Published"),
    "restored": N_("Put back"),
    "hidden": N_("Hidden"),
    "suspended": N_("Suspended"),
    "withdrawn": N_("Withdrawn"),
    "expired": N_("Expired"),
}

EXCLUSIONS: Mapping[str, str] = {
    "function": N_("Lacks a function that is needed"),
    "price": N_("Price"),
    "security": N_("Security"),
    "terms": N_("Terms of contract"),
    "lock-in": N_("Hard to leave"),
    "support": N_("Support"),
    "duplicate": N_("Same product from another seller"),
    "other": N_("Other (say it in the note)"),
}
"""Why a buyer leaves out a listing that meets every requirement."""

SOURCES: Mapping[str, str] = {
    "jp.nta": N_("National Tax Agency, corporate numbers"),
    "jp.gbizinfo": N_("gBizINFO"),
    "jp.invoice": N_("National Tax Agency, invoice issuers"),
    "jp.ismap": N_("ISMAP cloud service list"),
    "jp.isms": N_("ISMS accreditation centre"),
    "jp.privacymark": N_("PrivacyMark register"),
    "jp.startup": N_("J-Startup list"),
    "jp.suspension": N_("Lists of suspensions"),
    "jp.p-portal": N_("Procurement portal, unified qualification"),
    "screening.yente": N_("Sanctions lists"),
    "int.gleif": N_("GLEIF, legal entity identifiers"),
    "eu.vies": N_("VIES, VAT numbers"),
    "us.fedramp": N_("FedRAMP marketplace"),
    "gb.companies-house": N_("Companies House"),
    "no.brreg": N_("Brønnøysund registers"),
    "fr.entreprises": N_("French register of companies"),
}


def value_label(spoken: Language, facet: str, code: str) -> str:
    """What a facet's value is called."""
    if facet == "language":
        return spoken.tongue(code)
    known = VALUES.get(f"{facet}.{code}")
    return code if known is None else spoken.gettext(known)


def label(spoken: Language, table: Mapping[str, str], code: str) -> str:
    """What a code of a table is called; the code itself where the table lacks it."""
    known = table.get(code)
    return code if known is None else spoken.gettext(known)
