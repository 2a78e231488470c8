"""A whole recording made clean, before it is cut: each step measured, and taken only where it is safe."""
