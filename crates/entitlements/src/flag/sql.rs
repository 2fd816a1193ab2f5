//! The only SQL about flags.

use store::statements;

statements! {
    environment ALL_FLAGS = "SELECT id, key, version, enabled, definition, created, changed FROM flag
        WHERE env_id = $1 ORDER BY key";
    environment BY_KEY = "SELECT id, key, version, enabled, definition, created, changed FROM flag
        WHERE env_id = $1 AND key = $2";
    environment BY_KEY_LOCKED = "SELECT id, key, version, enabled, definition, created, changed FROM flag
        WHERE env_id = $1 AND key = $2 FOR UPDATE";
    environment COUNT = "SELECT count(*) FROM flag WHERE env_id = $1";
    environment INSERT = "INSERT INTO flag (env_id, id, key, version, enabled, definition, created, changed)
        VALUES ($1, $2, $3, 1, $4, $5, $6, $6) ON CONFLICT (env_id, key) DO NOTHING";
    environment UPDATE = "UPDATE flag SET version = version + 1, enabled = $4, definition = $5, changed = $6
        WHERE env_id = $1 AND id = $2 AND version = $3";
    environment DELETE = "DELETE FROM flag WHERE env_id = $1 AND id = $2";
    environment KEEP_VERSION = "INSERT INTO flag_version (env_id, flag_id, version, enabled, definition, changed, actor)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    environment VERSIONS = "SELECT version, enabled, definition, changed, actor FROM flag_version
        WHERE env_id = $1 AND flag_id = $2 ORDER BY version DESC LIMIT $3";
}
