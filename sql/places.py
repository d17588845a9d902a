"""Places of the world, into the database: from GeoNames, CC BY 4.0, those of a thousand or more."""

from __future__ import annotations

import asyncio
import lzma
from importlib import resources

from sql.database import Database

LOCK = "SELECT pg_advisory_xact_lock(hashtext('heliograph.places'))"
COPY = "COPY place (country, state, county, name, latitude, longitude, population) FROM STDIN"
FILE = "places.tsv.xz"  # country, state, county, name, latitude, longitude, population


async def load(database: Database) -> bool:
    """Once per database, whoever comes first; the others wait. Return whether it was us.

    Not in a migration: the copies of a database that tests work on need to be small.
    """
    async with database.write() as tx:
        await tx.execute(LOCK)
        found = await (await tx.execute("SELECT EXISTS (SELECT FROM place) AS some")).fetchone()
        if found and found["some"]:
            return False
        rows = await asyncio.to_thread(_read)
        async with tx.cursor().copy(COPY) as copy:
            await copy.write(rows)
        await tx.execute("ANALYZE place")
    return True


def _read() -> bytes:
    return lzma.decompress(resources.files("sql").joinpath(FILE).read_bytes())
