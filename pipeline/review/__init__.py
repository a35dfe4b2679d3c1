"""Reviewing: what people do to the cases that the rules refer, and what waits and ends meanwhile.

The desk and the command line call :mod:`~pipeline.review.actions`; its words are in
:mod:`~pipeline.review.model`. Who may do what, and when it takes two, is in :mod:`~pipeline.review.policy`,
due dates in :mod:`~pipeline.review.clock`. :mod:`~pipeline.review.timers` does what became due, and
:mod:`~pipeline.review.words` has what is said to people.
"""
