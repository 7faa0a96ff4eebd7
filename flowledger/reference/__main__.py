"""Bring the reference pages up to date, and say which were not."""

from flowledger.reference import FOLDER, write

if __name__ == "__main__":
    for path in write(FOLDER):
        print(path)  # noqa: T201 - the command's answer
