#include "tuning_db/merge.h"

namespace tilesmith {

namespace {

// A row's number means nothing in another file, so rows are found again by what they say: `there` is the number in
// `other`, `here` the one in `main`.
constexpr const char* kKeys = R"sql(
INSERT OR IGNORE INTO main.problem (text) SELECT text FROM other.problem ORDER BY id;
INSERT OR IGNORE INTO main.device (fingerprint, description, facts)
    SELECT fingerprint, description, facts FROM other.device ORDER BY id;
INSERT OR IGNORE INTO main.toolchain (text) SELECT text FROM other.toolchain ORDER BY id;
CREATE TEMP TABLE same_problem AS
    SELECT there.id AS there, here.id AS here FROM other.problem AS there JOIN main.problem AS here USING (text);
CREATE TEMP TABLE same_device AS
    SELECT there.id AS there, here.id AS here FROM other.device AS there JOIN main.device AS here USING (fingerprint);
CREATE TEMP TABLE same_toolchain AS
    SELECT there.id AS there, here.id AS here FROM other.toolchain AS there JOIN main.toolchain AS here USING (text);
)sql";

constexpr const char* kSessions = R"sql(
INSERT INTO main.session (uid, device, toolchain, command, search, seed, host, pid, host_state, started_utc, ended_utc,
                          stop_reason, facts)
SELECT uid, same_device.here, same_toolchain.here, command, search, seed, host, pid, host_state, started_utc, ended_utc,
       stop_reason, facts
FROM other.session AS o
JOIN same_device ON same_device.there = o.device
JOIN same_toolchain ON same_toolchain.there = o.toolchain
WHERE uid NOT IN (SELECT uid FROM main.session)
ORDER BY o.id
)sql";

// Sessions that ended since they were copied; then the sessions of both files.
constexpr const char* kSameSessions = R"sql(
UPDATE main.session AS here SET ended_utc = o.ended_utc, stop_reason = o.stop_reason, facts = o.facts
FROM other.session AS o WHERE o.uid = here.uid AND here.ended_utc IS NULL AND o.ended_utc IS NOT NULL;
CREATE TEMP TABLE same_session AS
    SELECT there.id AS there, here.id AS here FROM other.session AS there JOIN main.session AS here USING (uid);
)sql";

constexpr const char* kTrials = R"sql(
INSERT INTO main.trial (session, number, problem, conditions, device, toolchain, template, template_version, schedule,
                        schedule_hash, origin, status, reason, censored, samples_ns, reference_ns, compile_ms, created_utc)
SELECT same_session.here, number, same_problem.here, conditions, same_device.here, same_toolchain.here, template,
       template_version, schedule, schedule_hash, origin, status, reason, censored, samples_ns, reference_ns, compile_ms,
       created_utc
FROM other.trial AS o
JOIN same_session ON same_session.there = o.session
JOIN same_problem ON same_problem.there = o.problem
JOIN same_device ON same_device.there = o.device
JOIN same_toolchain ON same_toolchain.there = o.toolchain
WHERE NOT EXISTS (SELECT 1 FROM main.trial AS h WHERE h.session = same_session.here AND h.number = o.number)
ORDER BY o.id
)sql";

constexpr const char* kSelections = R"sql(
INSERT INTO main.selection (session, problem, conditions, device, toolchain, template, template_version, schedule,
                            schedule_hash, median_ns, low_ns, high_ns, default_ns, evidence, created_utc)
SELECT same_session.here, same_problem.here, conditions, same_device.here, same_toolchain.here, template,
       template_version, schedule, schedule_hash, median_ns, low_ns, high_ns, default_ns, evidence, created_utc
FROM other.selection AS o
JOIN same_session ON same_session.there = o.session
JOIN same_problem ON same_problem.there = o.problem
JOIN same_device ON same_device.there = o.device
JOIN same_toolchain ON same_toolchain.there = o.toolchain
WHERE NOT EXISTS (SELECT 1 FROM main.selection AS h
                  WHERE h.session = same_session.here AND h.problem = same_problem.here AND h.conditions = o.conditions
                    AND h.schedule_hash = o.schedule_hash AND h.created_utc = o.created_utc)
ORDER BY o.id
)sql";

constexpr const char* kForget =
    "DROP TABLE same_problem; DROP TABLE same_device; DROP TABLE same_toolchain; DROP TABLE same_session";

}  // namespace

MergeCounts merge_attached(SQLite::Database& db) {
    MergeCounts counts;
    db.exec(kKeys);
    counts.sessions = db.exec(kSessions);
    db.exec(kSameSessions);
    counts.trials = db.exec(kTrials);
    counts.selections = db.exec(kSelections);
    db.exec(kForget);
    return counts;
}

}  // namespace tilesmith
