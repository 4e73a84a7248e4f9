-- News. A member asked to be written to in private about one training: through which channel, and in which language. Nobody
-- is written to without a row here. AUTOINCREMENT: the outbox names news by this id, so it must never come twice.
CREATE TABLE wishes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    language TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    UNIQUE (run_id, member_id),
    FOREIGN KEY (guild_id, run_id) REFERENCES runs (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX wishes_run ON wishes (guild_id, run_id);
CREATE INDEX wishes_member ON wishes (guild_id, member_id);
