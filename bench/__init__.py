"""Benchmarks: each figure beside the bare limit of the same machine, both measured in short turns of one run."""
