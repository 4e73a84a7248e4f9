-- Every row belongs to a guild, and a child names its parent together with the guild: (guild_id, parent_id). So a row of
-- one guild cannot point at a row of another, whatever the code above does. Times are unix seconds, UTC. Columns of type
-- BLOB hold sealed text (storage/vault.py); sha256 columns name blobs (storage/blobs.py).

-- The wrapped bytes of a key are a file of the vault, never here: copies of this database must go dark with the key.
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    forgotten_at INTEGER,
    UNIQUE (guild_id, id)
) STRICT;

CREATE TABLE subjects (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'character', 'pet', 'object', 'style')),
    class_word TEXT NOT NULL,
    trigger TEXT NOT NULL CHECK (trigger <> ''),
    consent_version TEXT NOT NULL,
    consented_at INTEGER NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('me', 'server')),
    channel_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'retired')),
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id)
) STRICT;
CREATE UNIQUE INDEX subjects_live_trigger ON subjects (guild_id, trigger COLLATE NOCASE) WHERE state = 'live';
CREATE INDEX subjects_owner ON subjects (guild_id, owner_id);

CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 0),
    state TEXT NOT NULL DEFAULT 'collecting'
        CHECK (state IN ('collecting', 'cropping', 'captioning', 'ready', 'frozen', 'discarded')),
    preset TEXT NOT NULL,
    wants_vote INTEGER NOT NULL CHECK (wants_vote IN (0, 1)),
    thread_id INTEGER,
    draft TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    UNIQUE (guild_id, draft),
    UNIQUE (subject_id, generation),
    FOREIGN KEY (guild_id, subject_id) REFERENCES subjects (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, key_id) REFERENCES keys (guild_id, id)
) STRICT;
CREATE INDEX datasets_subject ON datasets (guild_id, subject_id);

CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    request_id TEXT NOT NULL,
    given_name BLOB NOT NULL,
    raw_sha256 TEXT NOT NULL CHECK (length(raw_sha256) = 64),
    clean_sha256 TEXT CHECK (length(clean_sha256) = 64),
    state TEXT NOT NULL DEFAULT 'given' CHECK (state IN ('given', 'kept', 'refused', 'dropped')),
    reason TEXT NOT NULL DEFAULT '',
    duplicate_of INTEGER REFERENCES photos (id) ON DELETE SET NULL,
    width INTEGER NOT NULL DEFAULT 0,
    height INTEGER NOT NULL DEFAULT 0,
    faces TEXT NOT NULL DEFAULT '[]',
    crop TEXT,
    flags TEXT NOT NULL DEFAULT '[]',
    sharpness REAL NOT NULL DEFAULT 0,
    caption BLOB,
    UNIQUE (guild_id, id),
    UNIQUE (dataset_id, number),
    CHECK (state <> 'kept' OR clean_sha256 IS NOT NULL),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX photos_dataset ON photos (guild_id, dataset_id);
CREATE INDEX photos_duplicate ON photos (duplicate_of) WHERE duplicate_of IS NOT NULL;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'preparing', 'training', 'voting', 'published', 'cancelled', 'failed')),
    recipe TEXT NOT NULL,
    base TEXT NOT NULL,
    trigger TEXT NOT NULL,
    class_word TEXT NOT NULL,
    suggested INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX runs_dataset ON runs (guild_id, dataset_id);

CREATE TABLE epochs (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    loss REAL,
    likeness REAL,
    fidelity REAL,
    memorising REAL,
    leakage REAL,
    bleed REAL,
    lora_sha256 TEXT CHECK (length(lora_sha256) = 64),
    previews TEXT NOT NULL DEFAULT '[]',
    seconds REAL NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    UNIQUE (run_id, number),
    CHECK (number = 0 OR lora_sha256 IS NOT NULL),
    FOREIGN KEY (guild_id, run_id) REFERENCES runs (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX epochs_run ON epochs (guild_id, run_id);

CREATE TABLE ballots (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL UNIQUE,
    channel_id INTEGER NOT NULL,
    message_id INTEGER,
    options TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closes_at INTEGER NOT NULL,
    closed_at INTEGER,
    winner INTEGER,
    UNIQUE (guild_id, id),
    CHECK ((closed_at IS NULL) = (winner IS NULL)),
    FOREIGN KEY (guild_id, run_id) REFERENCES runs (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX ballots_run ON ballots (guild_id, run_id);
CREATE INDEX ballots_message ON ballots (guild_id, message_id);

CREATE TABLE votes (
    guild_id INTEGER NOT NULL,
    ballot_id INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    cast_at INTEGER NOT NULL,
    PRIMARY KEY (ballot_id, member_id, epoch),
    FOREIGN KEY (guild_id, ballot_id) REFERENCES ballots (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX votes_ballot ON votes (guild_id, ballot_id);

-- None after close: kept by the database itself, so that no path of code can get round it.
CREATE TRIGGER votes_not_cast_after_close BEFORE INSERT ON votes
WHEN EXISTS (SELECT 1 FROM ballots WHERE id = NEW.ballot_id AND closed_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the ballot is closed');
END;
CREATE TRIGGER votes_not_changed BEFORE UPDATE ON votes
BEGIN
    SELECT RAISE(ABORT, 'a vote is cast or taken back, never changed');
END;
-- Rows of a ballot that is itself being deleted go with it: then the ballot is no longer found here.
CREATE TRIGGER votes_not_taken_back_after_close BEFORE DELETE ON votes
WHEN EXISTS (SELECT 1 FROM ballots WHERE id = OLD.ballot_id AND closed_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the ballot is closed');
END;

CREATE TABLE loras (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    trigger TEXT NOT NULL,
    base TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    thumbnail_sha256 TEXT CHECK (length(thumbnail_sha256) = 64),
    key_id TEXT NOT NULL,
    access TEXT NOT NULL CHECK (access IN ('me', 'server')),
    owner_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    UNIQUE (guild_id, name),
    FOREIGN KEY (guild_id, run_id) REFERENCES runs (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, key_id) REFERENCES keys (guild_id, id)
) STRICT;
CREATE INDEX loras_run ON loras (guild_id, run_id);
CREATE INDEX loras_trigger ON loras (guild_id, trigger COLLATE NOCASE);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY CHECK (id <> ''),
    guild_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('prepare', 'train', 'paint')),
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'parked', 'done', 'failed', 'cancelled', 'dead')),
    request_id TEXT NOT NULL,
    member_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    dataset_id INTEGER,
    run_id INTEGER,
    lora_id INTEGER,
    key_id TEXT NOT NULL,
    spec BLOB NOT NULL,
    priority INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    crashes INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    served INTEGER,
    stop TEXT CHECK (stop IN ('now', 'after_epoch')),
    progress TEXT,
    error TEXT NOT NULL DEFAULT '',
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    UNIQUE (guild_id, id),
    UNIQUE (guild_id, request_id),
    CHECK (kind = 'paint' OR dataset_id IS NOT NULL),
    CHECK (kind <> 'train' OR run_id IS NOT NULL),
    CHECK (state <> 'running' OR (attempt >= 1 AND started_at IS NOT NULL)),
    CHECK ((state IN ('done', 'failed', 'cancelled', 'dead')) = (ended_at IS NOT NULL)),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, run_id) REFERENCES runs (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, lora_id) REFERENCES loras (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, key_id) REFERENCES keys (guild_id, id)
) STRICT;
CREATE UNIQUE INDEX jobs_one_live_training ON jobs (dataset_id)
    WHERE kind = 'train' AND state IN ('queued', 'running', 'parked');
CREATE INDEX jobs_state ON jobs (state, priority);
CREATE INDEX jobs_member ON jobs (guild_id, member_id, served);
CREATE INDEX jobs_served ON jobs (served);
CREATE INDEX jobs_dataset ON jobs (guild_id, dataset_id);
CREATE INDEX jobs_run ON jobs (guild_id, run_id);
CREATE INDEX jobs_lora ON jobs (guild_id, lora_id);
CREATE INDEX jobs_key ON jobs (key_id);

CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 0),
    lora_id INTEGER,
    member_id INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    prompt BLOB NOT NULL,
    params BLOB NOT NULL,
    seed INTEGER NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, id),
    UNIQUE (job_id, number),
    FOREIGN KEY (guild_id, job_id) REFERENCES jobs (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, lora_id) REFERENCES loras (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, key_id) REFERENCES keys (guild_id, id)
) STRICT;
CREATE INDEX pictures_job ON pictures (guild_id, job_id);
CREATE INDEX pictures_lora ON pictures (guild_id, lora_id);
CREATE INDEX pictures_member ON pictures (guild_id, member_id);

-- AUTOINCREMENT: the id is the message's nonce, so it must never come twice, even after rows are deleted.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    ref TEXT NOT NULL,
    once INTEGER NOT NULL CHECK (once IN (0, 1)),
    key_id TEXT,
    payload BLOB,
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dropped')),
    message_id INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    CHECK ((state = 'sent') = (message_id IS NOT NULL)),
    CHECK ((payload IS NULL) = (key_id IS NULL)),
    FOREIGN KEY (guild_id, key_id) REFERENCES keys (guild_id, id)
) STRICT;
CREATE UNIQUE INDEX outbox_once ON outbox (guild_id, purpose, ref) WHERE once = 1;
CREATE UNIQUE INDEX outbox_one_pending ON outbox (guild_id, channel_id, purpose, ref) WHERE state = 'pending';
CREATE INDEX outbox_pending ON outbox (id) WHERE state = 'pending';

CREATE TABLE cards (
    guild_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    ref TEXT NOT NULL,
    channel_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    posted_at INTEGER NOT NULL,
    edited_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, purpose, ref)
) STRICT, WITHOUT ROWID;
CREATE INDEX cards_message ON cards (guild_id, message_id);

-- The one table without a guild: facts about this machine, nothing about people.
CREATE TABLE speeds (
    base TEXT NOT NULL,
    device TEXT NOT NULL,
    kind TEXT NOT NULL,
    seconds REAL NOT NULL CHECK (seconds > 0),
    samples INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (base, device, kind)
) STRICT, WITHOUT ROWID;
