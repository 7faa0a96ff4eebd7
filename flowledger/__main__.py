"""`python -m flowledger`."""

import sys

from flowledger.cli import main

sys.exit(main())
