"""Batches: a table of jobs, one row an output, spoken here or on a cluster, resumed row by row."""
