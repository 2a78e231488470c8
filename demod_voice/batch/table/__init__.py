"""The jobs table: its columns, paths and rows, and every fault of it before anything is spoken."""
