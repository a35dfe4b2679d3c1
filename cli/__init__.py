"""The command line: one module a command, and what they share in asking, telling and starting processes."""
