"""The parts every test may ask for; each plugin module has one duty."""

pytest_plugins = [
    "tests.fix_assets",
    "tests.fix_backups",
    "tests.fix_postgres",
    "tests.fix_channels",
    "tests.fix_server",
    "tests.fix_contract",
    "tests.fix_credentials",
    "tests.fix_links",
    "tests.fix_oidc",
    "tests.fix_organising",
    "tests.fix_people",
    "tests.fix_mail",
    "tests.fix_media",
    "tests.fix_phones",
    "tests.fix_processes",
    "tests.fix_sockets",
    "tests.fix_streams",
    "tests.fix_tables",
]
