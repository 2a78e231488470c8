"""Find, install, start and pool speech engines, each in a process and an environment of its own."""
