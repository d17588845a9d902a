-- delete_system_metadata -> count
DELETE FROM system_metadata WHERE key = %(key)s;
