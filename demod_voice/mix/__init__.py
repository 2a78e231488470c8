"""Put clips on a timeline, meter, limit and master, in blocks."""
