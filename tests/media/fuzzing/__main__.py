"""python -m tests.media.fuzzing, apart from the rest: processes that are forked load it again."""

import sys

from tests.media.fuzzing.damaged import main

if __name__ == "__main__":
    sys.exit(main())
