"""How near the simulated kernel comes to real ones.

`python -m fidelity` (or `make fidelity`) replays the traces that were measured on real kernels and prints the
differences; `--write` puts them into docs/fidelity.md. `python -m fidelity.measure` takes the same measurements on
the kernel it runs on. Nothing else imports this package.
"""
