"""What is kept of a batch: records of rows, results and observations, summary and manifest."""
