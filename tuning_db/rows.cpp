#include "tuning_db/rows.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"

namespace tilesmith {

using nlohmann::ordered_json;

namespace {

// The id of the row of `table` whose `column` is `text`, made if missing. Table and column are ours, never the user's.
int64_t named_row(SQLite::Database& db, const char* table, const char* column, const std::string& text) {
    SQLite::Statement find(db, fmt::format("SELECT id FROM {} WHERE {} = ?", table, column));
    find.bind(1, text);
    if (find.executeStep()) return find.getColumn(0).getInt64();
    SQLite::Statement insert(db, fmt::format("INSERT INTO {} ({}) VALUES (?)", table, column));
    insert.bind(1, text);
    insert.exec();
    return db.getLastInsertRowid();
}

// Binds `values` to the parameters of `statement`, in order.
template <class... Values>
void bind_all(SQLite::Statement& statement, const Values&... values) {
    int index = 0;
    (statement.bind(++index, values), ...);
}

Status stored_status(const std::string& name) {
    const std::optional<Status> status = status_named(name);
    if (!status) throw run_failed(fmt::format("the database holds an unknown trial status '{}'", name));
    return *status;
}

constexpr const char* kTrialColumns =
    "SELECT trial.id AS id, problem.text AS problem, conditions, fingerprint, toolchain.text AS toolchain, schedule, "
    "status,"
    " reason, samples_ns, censored, reference_ns, compile_ms, session, origin"
    " FROM trial JOIN problem ON problem.id = trial.problem JOIN device ON device.id = trial.device"
    " JOIN toolchain ON toolchain.id = trial.toolchain";

constexpr const char* kSelectionColumns =
    "SELECT max(selection.created_utc || printf('%020d', selection.id)), problem.text AS problem, conditions, "
    "fingerprint, toolchain.text AS toolchain, schedule,"
    " median_ns, low_ns, high_ns, default_ns, evidence, session"
    " FROM selection JOIN problem ON problem.id = selection.problem JOIN device ON device.id = selection.device"
    " JOIN toolchain ON toolchain.id = selection.toolchain";

TrialKey key_of(SQLite::Statement& row) {
    return {row.getColumn("problem").getString(), Conditions::parse(row.getColumn("conditions").getString()),
            row.getColumn("fingerprint").getString(), row.getColumn("toolchain").getString()};
}

Trial trial_of(SQLite::Statement& row) {
    Trial trial;
    trial.id = row.getColumn("id").getInt64();
    trial.key = key_of(row);
    trial.schedule = Schedule::from_json(ordered_json::parse(row.getColumn("schedule").getString()));
    trial.outcome.status = stored_status(row.getColumn("status").getString());
    trial.outcome.reason = row.getColumn("reason").getString();
    trial.outcome.samples_ns = ordered_json::parse(row.getColumn("samples_ns").getString()).get<std::vector<double>>();
    trial.outcome.censored = row.getColumn("censored").getInt() != 0;
    trial.outcome.reference_ns = row.getColumn("reference_ns").getDouble();
    trial.outcome.compile_ms = row.getColumn("compile_ms").getDouble();
    trial.session = row.getColumn("session").getInt64();
    trial.origin = row.getColumn("origin").getString();
    return trial;
}

Selection selection_of(SQLite::Statement& row) {
    Selection selection;
    selection.key = key_of(row);
    selection.schedule = Schedule::from_json(ordered_json::parse(row.getColumn("schedule").getString()));
    selection.median_ns = row.getColumn("median_ns").getDouble();
    selection.interval_ns = {row.getColumn("low_ns").getDouble(), row.getColumn("high_ns").getDouble()};
    selection.default_ns = row.getColumn("default_ns").getDouble();
    selection.evidence = ordered_json::parse(row.getColumn("evidence").getString());
    selection.session = row.getColumn("session").getInt64();
    return selection;
}

// The conditions of a query, as text for WHERE and values for its parameters.
class Filter {
  public:
    void equal(const char* column, const std::optional<std::string>& value) {
        if (value) add(fmt::format("{} = ?", column), *value);
    }
    void add(const std::string& condition, const std::string& value) {
        text_ += (text_.empty() ? " WHERE " : " AND ") + condition;
        values_.push_back(value);
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    void bind(SQLite::Statement& statement) const {
        for (size_t i = 0; i < values_.size(); ++i) statement.bind(static_cast<int>(i) + 1, values_[i]);
    }

  private:
    std::string text_;
    std::vector<std::string> values_;
};

}  // namespace

int64_t device_row(SQLite::Database& db, const Device& device) {
    SQLite::Statement find(db, "SELECT id, facts FROM device WHERE fingerprint = ?");
    find.bind(1, device.fingerprint);
    const bool known = find.executeStep();
    ordered_json facts = known ? ordered_json::parse(find.getColumn(1).getString()) : ordered_json::object();
    const int64_t id = known ? find.getColumn(0).getInt64() : 0;
    find.reset();
    if (device.facts.is_object()) facts.update(device.facts);  // facts known before and not now are kept
    SQLite::Statement write(db, known ? "UPDATE device SET description = ?, facts = ? WHERE fingerprint = ?"
                                      : "INSERT INTO device (description, facts, fingerprint) VALUES (?, ?, ?)");
    bind_all(write, device.description, facts.dump(), device.fingerprint);
    write.exec();
    return known ? id : db.getLastInsertRowid();
}

int64_t toolchain_row(SQLite::Database& db, const std::string& text) {
    return named_row(db, "toolchain", "text", text);
}

KeyRows key_rows(SQLite::Database& db, const TrialKey& key) {
    SQLite::Statement device(db, "SELECT id FROM device WHERE fingerprint = ?");
    device.bind(1, key.device);
    if (!device.executeStep())
        throw run_failed(fmt::format("no session of this database has begun on the device '{}'", key.device));
    return {named_row(db, "problem", "text", key.problem), device.getColumn(0).getInt64(),
            toolchain_row(db, key.toolchain)};
}

int64_t insert_trial(SQLite::Database& db, const Trial& trial) {
    const KeyRows rows = key_rows(db, trial.key);
    const Outcome& outcome = trial.outcome;
    SQLite::Statement insert(
        db,
        "INSERT INTO trial (problem, device, toolchain, conditions, template, template_version, schedule, "
        "schedule_hash,"
        " session, number, origin, status, reason, censored, samples_ns, reference_ns, compile_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
        " (SELECT coalesce(max(number), 0) + 1 FROM trial WHERE session = ?9), ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
    const TemplateId& id = trial.schedule.template_id();
    bind_all(insert, rows.problem, rows.device, rows.toolchain, trial.key.conditions.text(), id.name, id.version,
             trial.schedule.text(), hash_text(trial.schedule.hash()), trial.session, trial.origin,
             std::string(status_name(outcome.status)), outcome.reason, outcome.censored ? 1 : 0,
             ordered_json(outcome.samples_ns).dump(), outcome.reference_ns, outcome.compile_ms);
    insert.exec();
    return db.getLastInsertRowid();
}

void insert_selection(SQLite::Database& db, const Selection& selection) {
    const KeyRows rows = key_rows(db, selection.key);
    SQLite::Statement insert(db,
                             "INSERT INTO selection (problem, device, toolchain, conditions, template, "
                             "template_version, schedule, schedule_hash,"
                             " session, median_ns, low_ns, high_ns, default_ns, evidence) VALUES (?, ?, ?, ?, ?, ?, ?, "
                             "?, ?, ?, ?, ?, ?, ?)");
    const TemplateId& id = selection.schedule.template_id();
    bind_all(insert, rows.problem, rows.device, rows.toolchain, selection.key.conditions.text(), id.name, id.version,
             selection.schedule.text(), hash_text(selection.schedule.hash()), selection.session, selection.median_ns,
             selection.interval_ns.low, selection.interval_ns.high, selection.default_ns, selection.evidence.dump());
    insert.exec();
}

std::vector<Trial> select_trials(SQLite::Database& db, const TrialQuery& query) {
    Filter filter;
    filter.equal("problem.text", query.problem);
    filter.equal("fingerprint", query.device);
    filter.equal("toolchain.text", query.toolchain);
    if (query.conditions) filter.add("conditions = ?", query.conditions->text());
    if (query.id) filter.add("trial.id = CAST(? AS INTEGER)", std::to_string(*query.id));
    if (query.schedule_hash) {
        filter.add("schedule_hash >= ?", *query.schedule_hash);
        filter.add("schedule_hash < ? || 'g'", *query.schedule_hash);  // the letter after the last hexadecimal digit
    }
    SQLite::Statement rows(db, kTrialColumns + filter.text() + " ORDER BY trial.id");
    filter.bind(rows);
    std::vector<Trial> trials;
    while (rows.executeStep()) trials.push_back(trial_of(rows));
    return trials;
}

std::vector<Selection> select_selections(SQLite::Database& db, const TrialKey* key) {
    Filter filter;
    if (key != nullptr) {
        filter.equal("problem.text", key->problem);
        filter.equal("fingerprint", key->device);
        filter.equal("toolchain.text", key->toolchain);
        filter.equal("conditions", key->conditions.text());
    }
    // With max() in the columns, SQLite takes the other columns from the row of the maximum.
    SQLite::Statement rows(db, kSelectionColumns + filter.text() +
                                   " GROUP BY selection.problem, selection.device, selection.toolchain, conditions"
                                   " ORDER BY problem.text, conditions, selection.id");
    filter.bind(rows);
    std::vector<Selection> selections;
    while (rows.executeStep()) selections.push_back(selection_of(rows));
    return selections;
}

}  // namespace tilesmith
