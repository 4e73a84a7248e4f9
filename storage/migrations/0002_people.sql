-- Who is in the picture, who may use what came of it, what every server decided for itself, and what must still be deleted.

-- One per subject: without a row that says `given` nothing trains. member_id is whose word it is: of `me` and `agreed` the
-- one who brought the photos, of `member` the one who was asked, of `nobody` no one's.
CREATE TABLE consents (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL UNIQUE,
    depicts TEXT NOT NULL CHECK (depicts IN ('me', 'member', 'agreed', 'nobody')),
    member_id INTEGER,
    state TEXT NOT NULL CHECK (state IN ('open', 'asked', 'given', 'revoked')),
    words TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    decided_at INTEGER,
    UNIQUE (guild_id, id),
    CHECK ((depicts = 'nobody' OR state = 'open') = (member_id IS NULL)),
    CHECK ((state IN ('open', 'asked')) = (decided_at IS NULL)),
    FOREIGN KEY (guild_id, subject_id) REFERENCES subjects (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX consents_member ON consents (guild_id, member_id);
INSERT INTO consents (guild_id, subject_id, depicts, member_id, state, words, asked_at, decided_at)
    SELECT guild_id, id, iif(kind = 'person', 'agreed', 'nobody'), iif(kind = 'person', owner_id, NULL), 'given',
           consent_version, consented_at, consented_at FROM subjects;

-- The key that seals it is the LoRA's own. A withdrawn LoRA is nobody's to use, its owner's included.
ALTER TABLE loras ADD COLUMN default_prompt BLOB;
ALTER TABLE loras ADD COLUMN withdrawn_at INTEGER;

-- Beyond what `loras.access` says: named members, and members with a role.
CREATE TABLE grants (
    guild_id INTEGER NOT NULL,
    lora_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('member', 'role')),
    target_id INTEGER NOT NULL,
    PRIMARY KEY (lora_id, kind, target_id),
    FOREIGN KEY (guild_id, lora_id) REFERENCES loras (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_lora ON grants (guild_id, lora_id);

-- Every LoRA of a painting: jobs.lora_id names the first one only.
CREATE TABLE uses (
    guild_id INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    lora_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, lora_id),
    FOREIGN KEY (guild_id, job_id) REFERENCES jobs (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, lora_id) REFERENCES loras (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX uses_lora ON uses (guild_id, lora_id);
CREATE INDEX uses_job ON uses (guild_id, job_id);
INSERT INTO uses (guild_id, job_id, lora_id) SELECT guild_id, id, lora_id FROM jobs WHERE lora_id IS NOT NULL;

CREATE TABLE guilds (
    guild_id INTEGER PRIMARY KEY,
    rules TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by INTEGER NOT NULL
) STRICT;

-- Append-only: ids and verbs, never a word of anybody's. No foreign keys, since a line outlives what it tells of. who_id 0
-- is somebody who asked to be forgotten, or the bot itself.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who_id INTEGER NOT NULL,
    act TEXT NOT NULL,
    subject_id INTEGER,
    lora_id INTEGER,
    job_id TEXT
) STRICT;
CREATE INDEX audit_guild ON audit (guild_id, id);
CREATE INDEX audit_lora ON audit (guild_id, lora_id);
CREATE TRIGGER audit_not_changed BEFORE UPDATE ON audit
WHEN NOT (NEW.who_id = 0 AND NEW.id = OLD.id AND NEW.guild_id = OLD.guild_id AND NEW.at = OLD.at AND NEW.act = OLD.act
          AND NEW.subject_id IS OLD.subject_id AND NEW.lora_id IS OLD.lora_id AND NEW.job_id IS OLD.job_id)
BEGIN
    SELECT RAISE(ABORT, 'a line of the audit only ever loses its name');
END;

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    reporter_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'kept', 'removed')),
    made_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by INTEGER,
    UNIQUE (guild_id, id),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    FOREIGN KEY (guild_id, job_id) REFERENCES jobs (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX reports_one_open ON reports (job_id) WHERE state = 'open';
CREATE INDEX reports_job ON reports (guild_id, job_id);

-- Messages (or whole threads, message_id 0) that Discord must still delete. A row goes when Discord says it is gone.
CREATE TABLE erasures (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_guild ON erasures (guild_id);

CREATE INDEX outbox_message ON outbox (guild_id, message_id);

-- A voter who asks to be forgotten leaves the vote without the name: a number below zero that is nobody's.
DROP TRIGGER votes_not_changed;
CREATE TRIGGER votes_not_changed BEFORE UPDATE ON votes
WHEN NOT (NEW.member_id < 0 AND OLD.member_id > 0 AND NEW.guild_id = OLD.guild_id AND NEW.ballot_id = OLD.ballot_id
          AND NEW.epoch = OLD.epoch AND NEW.cast_at = OLD.cast_at)
BEGIN
    SELECT RAISE(ABORT, 'a vote is cast or taken back, never changed');
END;
