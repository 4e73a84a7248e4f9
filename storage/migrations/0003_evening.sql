-- An evening with friends: what intake, ballots, painting and keeping came to need. A section each.

-- Keeping. A new version of a subject knows which one it was opened from; a photo knows how it came in.
ALTER TABLE datasets ADD COLUMN parent_id INTEGER REFERENCES datasets (id) ON DELETE SET NULL;
CREATE INDEX datasets_parent ON datasets (parent_id) WHERE parent_id IS NOT NULL;
-- Taught, itself or an earlier version of it, from pictures that were painted here.
ALTER TABLE datasets ADD COLUMN from_pictures INTEGER NOT NULL DEFAULT 0 CHECK (from_pictures IN (0, 1));
ALTER TABLE photos ADD COLUMN origin TEXT NOT NULL DEFAULT 'given' CHECK (origin IN ('given', 'carried', 'painted'));
-- Shown in place of the LoRA's own thumbnail for as long as the picture is kept.
ALTER TABLE loras ADD COLUMN thumbnail_picture_id INTEGER REFERENCES pictures (id) ON DELETE SET NULL;
CREATE INDEX loras_thumbnail_picture ON loras (thumbnail_picture_id) WHERE thumbnail_picture_id IS NOT NULL;

-- Whose LoRAs painted the pictures a dataset was made of: what befalls them befalls it.
CREATE TABLE ancestors (
    guild_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, subject_id),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE,
    FOREIGN KEY (guild_id, subject_id) REFERENCES subjects (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX ancestors_dataset ON ancestors (guild_id, dataset_id);
CREATE INDEX ancestors_subject ON ancestors (guild_id, subject_id);

-- One live training of a subject, whichever of its versions: kept by the database itself.
CREATE TRIGGER jobs_one_live_training_of_subject BEFORE INSERT ON jobs
WHEN NEW.kind = 'train' AND NEW.state IN ('queued', 'running', 'parked') AND EXISTS (
    SELECT 1 FROM datasets AS mine JOIN datasets AS other ON other.subject_id = mine.subject_id AND other.id <> mine.id
    JOIN jobs ON jobs.dataset_id = other.id
    WHERE mine.id = NEW.dataset_id AND jobs.kind = 'train' AND jobs.state IN ('queued', 'running', 'parked'))
BEGIN
    SELECT RAISE(ABORT, 'another version of this subject is in training');
END;
CREATE TRIGGER jobs_one_live_training_of_subject_again BEFORE UPDATE OF state ON jobs
WHEN NEW.kind = 'train' AND NEW.state = 'queued' AND OLD.state NOT IN ('queued', 'running', 'parked') AND EXISTS (
    SELECT 1 FROM datasets AS mine JOIN datasets AS other ON other.subject_id = mine.subject_id AND other.id <> mine.id
    JOIN jobs ON jobs.dataset_id = other.id
    WHERE mine.id = NEW.dataset_id AND jobs.kind = 'train' AND jobs.state IN ('queued', 'running', 'parked'))
BEGIN
    SELECT RAISE(ABORT, 'another version of this subject is in training');
END;

-- Painting.

-- A picture somebody wants to keep: it outlives the days its server keeps pictures, and goes with the picture whenever that
-- is deleted or forgotten. `shared`: its painter shows it to the whole server.
CREATE TABLE favourites (
    guild_id INTEGER NOT NULL,
    picture_id INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    shared INTEGER NOT NULL DEFAULT 0 CHECK (shared IN (0, 1)),
    kept_at INTEGER NOT NULL,
    PRIMARY KEY (picture_id, member_id),
    FOREIGN KEY (guild_id, picture_id) REFERENCES pictures (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX favourites_member ON favourites (guild_id, member_id, kept_at);
CREATE INDEX favourites_picture ON favourites (guild_id, picture_id);

-- What admins decided for one channel; threads go by their parent's.
CREATE TABLE channels (
    guild_id INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    rules TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by INTEGER NOT NULL,
    PRIMARY KEY (guild_id, channel_id)
) STRICT, WITHOUT ROWID;

-- Ballots. Columns stand in an order that follows from the seed; a blind one tells no epoch before its end. Those that were
-- open before were not blind.
ALTER TABLE datasets ADD COLUMN blind INTEGER NOT NULL DEFAULT 1 CHECK (blind IN (0, 1));
ALTER TABLE ballots ADD COLUMN blind INTEGER NOT NULL DEFAULT 0 CHECK (blind IN (0, 1));
ALTER TABLE ballots ADD COLUMN seed INTEGER NOT NULL DEFAULT 0;
-- Its votes are counted and level: JSON of the epochs its owner is asked to choose from, and until when they may.
ALTER TABLE ballots ADD COLUMN tied TEXT;
ALTER TABLE ballots ADD COLUMN decides_at INTEGER CHECK ((decides_at IS NULL) = (tied IS NULL));
ALTER TABLE ballots ADD COLUMN how TEXT CHECK (how IN ('votes', 'score', 'owner', 'rule', 'nobody', 'hand'));
ALTER TABLE ballots ADD COLUMN decided_by INTEGER;
-- Its message was deleted and another one posted: votes cast until then are known from here alone.
ALTER TABLE ballots ADD COLUMN anew_at INTEGER;

DROP TRIGGER votes_not_cast_after_close;
CREATE TRIGGER votes_not_cast_after_close BEFORE INSERT ON votes
WHEN EXISTS (SELECT 1 FROM ballots WHERE id = NEW.ballot_id AND (closed_at IS NOT NULL OR tied IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'the ballot is closed');
END;
DROP TRIGGER votes_not_taken_back_after_close;
CREATE TRIGGER votes_not_taken_back_after_close BEFORE DELETE ON votes
WHEN EXISTS (SELECT 1 FROM ballots WHERE id = OLD.ballot_id AND (closed_at IS NOT NULL OR tied IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'the ballot is closed');
END;

-- Leaving. Servers that removed this bot: what is kept of them waits a month for them to bring it back.
CREATE TABLE departures (
    guild_id INTEGER PRIMARY KEY,
    left_at INTEGER NOT NULL
) STRICT;

-- Coaching and captions. What was measured in a photo, what was pressed under advice, and captions as they were.
CREATE TABLE measures (
    photo_id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    facts BLOB NOT NULL,
    FOREIGN KEY (guild_id, photo_id) REFERENCES photos (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX measures_photo ON measures (guild_id, photo_id);

CREATE TABLE answers (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    matter TEXT NOT NULL,
    about TEXT NOT NULL,
    dropped TEXT NOT NULL DEFAULT '[]',
    taken TEXT NOT NULL DEFAULT '[]',
    undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)),
    UNIQUE (guild_id, request_id),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX answers_dataset ON answers (guild_id, dataset_id);

CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    what TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)),
    UNIQUE (guild_id, request_id),
    FOREIGN KEY (guild_id, dataset_id) REFERENCES datasets (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX revisions_dataset ON revisions (guild_id, dataset_id);

-- Photos and crops. Why a photo was left out as a code with its numbers (`reason` is the same in English), a small copy of it
-- to show, whether the first frame of what moves is taken; and every crop as it was before somebody changed it.
ALTER TABLE photos ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN numbers TEXT NOT NULL DEFAULT '{}';
ALTER TABLE photos ADD COLUMN glimpse_sha256 TEXT CHECK (length(glimpse_sha256) = 64);
ALTER TABLE photos ADD COLUMN first_frame INTEGER NOT NULL DEFAULT 0 CHECK (first_frame IN (0, 1));

CREATE TABLE crop_steps (
    id INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    photo_id INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('kept', 'dropped')),
    crop TEXT,
    flags TEXT NOT NULL,
    FOREIGN KEY (guild_id, photo_id) REFERENCES photos (guild_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX crop_steps_photo ON crop_steps (guild_id, photo_id);

-- Files of LoRAs that lie in the owner's folder for fetching: what lies there without a row goes. The token is in its name.
CREATE TABLE handouts (
    token TEXT PRIMARY KEY CHECK (length(token) >= 32),
    guild_id INTEGER NOT NULL,
    lora_id INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (guild_id, lora_id) REFERENCES loras (guild_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX handouts_lora ON handouts (guild_id, lora_id);
