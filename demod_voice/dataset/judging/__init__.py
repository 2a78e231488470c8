"""What is measured of a segment, and which gates it passes."""
