"""The HTTP door: vendors send and ask, catalog services read.

``app`` joins the routes, ``intake`` takes submissions, ``status`` tells a sender how its application stands,
``catalog`` serves listings and their feed, ``openapi`` describes all of it. What is said about a request that
cannot be met comes from :mod:`pipeline.problems`.
"""
