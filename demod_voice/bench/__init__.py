"""How fast the engines of this machine are, in figures that can be compared with another machine's."""
