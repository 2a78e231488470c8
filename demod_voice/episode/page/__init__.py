"""The parts of an episode's report: what is measured for it, its charts, its tables, and the page's own files."""
