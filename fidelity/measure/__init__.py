"""The kernel that this runs on, measured: `python -m fidelity.measure` replays traces in a memory cgroup.

Out: rows in the format of kernels.csv, so that `python -m fidelity --kernels FILE` compares the simulator with them.
Needs root, a memory cgroup (v1 or v2), zram, mkfs.ext4 and a C compiler.
"""
