//! The only SQL on `due`.

use store::{bulks, statements};

statements! {
    /// The first that can be run, and everything of its instant and rank.
    environment BATCH = "SELECT at, rank, subject_id FROM due
        WHERE env_id = $1 AND error IS NULL AND (at, rank) = (
            SELECT at, rank FROM due WHERE env_id = $1 AND error IS NULL AND at <= $2
            ORDER BY at, rank LIMIT 1)
        ORDER BY subject_id LIMIT $3";
    environment TAKE = "DELETE FROM due
        WHERE env_id = $1 AND at = $2 AND rank = $3 AND subject_id IN_IDS($4) AND error IS NULL";
    environment TAKE_BACK = "DELETE FROM due WHERE env_id = $1 AND at = $2 AND rank = $3 AND subject_id IN_IDS($4)";
    environment OF_SUBJECT = "SELECT at, rank, subject_id, error FROM due
        WHERE env_id = $1 AND subject_id = $2 ORDER BY at, rank";
    environment NEXT = "SELECT at, rank, subject_id, error FROM due
        WHERE env_id = $1 ORDER BY at, rank, subject_id LIMIT $2";
    environment STUCK = "SELECT at, rank, subject_id, error FROM due
        WHERE env_id = $1 AND error IS NOT NULL ORDER BY at, rank, subject_id LIMIT $2";
    environment SET_ERROR = "UPDATE due SET error = $5
        WHERE env_id = $1 AND at = $2 AND rank = $3 AND subject_id = $4 AND error IS NULL";
    environment RETRY = "UPDATE due SET error = NULL WHERE env_id = $1 AND error IS NOT NULL";
    installation ENVIRONMENTS = "SELECT DISTINCT env_id FROM due
        WHERE NOT sandbox AND error IS NULL AND at <= $1 ORDER BY env_id";
    /// Those of them in which no job is about to see to it.
    installation UNATTENDED = "SELECT env_id FROM (
            SELECT DISTINCT env_id FROM due WHERE NOT sandbox AND error IS NULL AND at <= $1) waiting
        WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.env_id = waiting.env_id AND job.dedupe = $2
            AND job.state IN ('queued', 'running'))
        ORDER BY env_id";
}

bulks! {
    INSERT = insert "due" { at: instant, rank: int, subject_id: uuid, sandbox: bool } "ON CONFLICT DO NOTHING";
}
