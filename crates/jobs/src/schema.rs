//! The tables of the queue, the schedules and the due work.

use store::{Context, File, Migration, Step};

/// What jobs store.
pub static CONTEXT: Context = Context {
    name: "jobs",
    file: File::Core,
    migrations: &[
        Migration {
            number: 1,
            name: "jobs, their runs, schedules, due work",
            step: Step::Expand,
            sql: "
            CREATE TABLE job (
                env_id UUID NOT NULL,
                id UUID NOT NULL,
                kind TEXT NOT NULL,
                payload JSON NOT NULL,
                sandbox BOOLEAN NOT NULL,
                state TEXT NOT NULL,
                dedupe TEXT,
                run_at INSTANT NOT NULL,
                attempts INTEGER NOT NULL,
                max_attempts INTEGER NOT NULL,
                lease UUID,
                lease_until INSTANT,
                done INTEGER NOT NULL,
                total INTEGER,
                error TEXT,
                result JSON,
                created INSTANT NOT NULL,
                finished INSTANT,
                PRIMARY KEY (env_id, id)
            ) STRICT, WITHOUT ROWID;
            CREATE UNIQUE INDEX job_dedupe ON job (env_id, dedupe)
                WHERE dedupe IS NOT NULL AND state IN ('queued', 'running');
            CREATE INDEX job_claimable ON job (coalesce(lease_until, run_at), id)
                WHERE state IN ('queued', 'running');
            CREATE INDEX job_finished ON job (finished) WHERE finished IS NOT NULL;
            CREATE TABLE job_run (
                env_id UUID NOT NULL,
                job_id UUID NOT NULL,
                attempt INTEGER NOT NULL,
                started INSTANT NOT NULL,
                finished INSTANT,
                outcome TEXT NOT NULL,
                detail TEXT,
                PRIMARY KEY (env_id, job_id, attempt)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE schedule (
                name TEXT NOT NULL PRIMARY KEY,
                kind TEXT NOT NULL,
                next_at INSTANT NOT NULL,
                last_at INSTANT
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE due (
                env_id UUID NOT NULL,
                at INSTANT NOT NULL,
                rank INTEGER NOT NULL,
                subject_id UUID NOT NULL,
                sandbox BOOLEAN NOT NULL,
                error TEXT,
                PRIMARY KEY (env_id, at, rank, subject_id)
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX due_subject ON due (env_id, subject_id);
            CREATE INDEX due_live ON due (at, env_id) WHERE NOT sandbox AND error IS NULL;
        ",
            extra: store::Extra::NONE,
        },
        Migration {
            number: 2,
            name: "what is stuck is found at once",
            step: Step::Expand,
            sql: "CREATE INDEX due_stuck ON due (env_id, at, rank, subject_id) WHERE error IS NOT NULL;",
            extra: store::Extra::NONE,
        },
    ],
    installation_tables: &["schedule"],
    system_tables: &["job", "job_run", "due"],
    statements: &[crate::job::ALL, crate::schedule::ALL, crate::due::ALL],
    bulks: &[crate::due::BULKS],
    upcasters: &[],
};
