"""`python -m monitor` is the command `shopwatch`."""

import sys

from monitor.cli import main

sys.exit(main())
