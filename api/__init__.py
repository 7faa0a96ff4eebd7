"""The doors: HTTP to a command, an answer to a dialect."""
