"""The speed of this project, measured side by side with libCacheSim.

`python -m benchmarks` (or `make bench`) measures replay, start and two simulations at a time, and prints tables;
`--write` puts them into docs/benchmarks.md. Nothing else imports this package.
"""
