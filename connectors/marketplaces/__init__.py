"""Other marketplaces' catalogs, read as drafts of applications: a head start, not a pass.

A listing elsewhere says who offers what, in English, and little of what a buyer in Japan must know: no home
register's number, no places of data, no law and court. What it does say becomes a draft that its vendor can
complete; what it does not say is named, place by place. Nothing that another marketplace decided is taken
over: its authorisation is no certificate here.

Each module reads one marketplace's file, without network (:mod:`~connectors.marketplaces.fedramp`,
:mod:`~connectors.marketplaces.g_cloud`); :mod:`~connectors.marketplaces.changes` says what a file changed
since the one before.
"""
