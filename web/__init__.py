"""The HTTP doors: vendors send and ask, catalog services read, reviewers decide.

``app`` joins the routes. ``intake`` takes submissions and ``messages`` what vendors say later, ``status``
tells a sender how its application stands, ``catalog`` serves listings and their feed, ``fit`` judges a
listing for a use, ``journal`` serves keys, signed heads and receipts, ``openapi`` describes all of it.
What is said about a request that cannot be met comes from :mod:`pipeline.problems`. ``desk`` is the
reviewers' pages inside Flower.
"""
