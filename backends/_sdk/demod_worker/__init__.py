"""The worker side of protocol 1: what every Python engine builds on. Standard library only, Python 3.9+."""
