// `tilesmith db stats | verify | merge`: care of the database.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print.h"
#include "core/error.h"
#include "tuning_db/database.h"

namespace tilesmith {

namespace {

struct DbOptions {
    bool json = false;
    std::string path = kDefaultDatabase;
    std::vector<std::string> others;
};

int stats(const DbOptions& options) {
    const nlohmann::ordered_json document = Database::open(options.path, Database::Mode::read).stats();
    if (options.json) {
        print_json(document);
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"property", "value"}};
    for (const auto& [key, value] : document.items()) {
        if (value.is_object()) {
            for (const auto& [inner, count] : value.items())
                rows.push_back({fmt::format("{} {}", key, inner), count.dump()});
        } else {
            rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
        }
    }
    print_table(rows);
    return 0;
}

int verify(const DbOptions& options) {
    const std::vector<std::string> complaints = Database::open(options.path, Database::Mode::read).verify();
    if (options.json) print_json({{"sound", complaints.empty()}, {"complaints", complaints}});
    if (!complaints.empty()) {
        std::string text;
        for (const std::string& complaint : complaints) text += "\n  " + complaint;
        throw negative_answer("the database '" + options.path + "' is damaged:" + text,
                              "keep a copy of the file before anything else writes to it");
    }
    if (!options.json) std::cout << options.path << " is sound\n";
    return 0;
}

int merge(const DbOptions& options) {
    std::vector<Database> others;  // all opened, so that a bad one is found before anything is copied
    others.reserve(options.others.size());
    for (const std::string& path : options.others) others.push_back(Database::open(path, Database::Mode::read));
    Database into = Database::open(options.path, Database::Mode::append);
    nlohmann::ordered_json merged = nlohmann::ordered_json::array();
    for (const Database& other : others) {
        const MergeCounts counts = into.merge(other);
        merged.push_back({{"from", other.path()},
                          {"sessions", counts.sessions},
                          {"trials", counts.trials},
                          {"selections", counts.selections}});
        if (!options.json)
            std::cout << fmt::format("{}: {} sessions, {} trials, {} selections copied into {}\n", other.path(),
                                     counts.sessions, counts.trials, counts.selections, into.path());
    }
    if (options.json) print_json({{"into", into.path()}, {"merged", merged}});
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<DbOptions>();
    app.require_subcommand(1);
    CLI::App* stats_app = app.add_subcommand("stats", "what it holds");
    CLI::App* verify_app = app.add_subcommand("verify", "whether it is sound");
    CLI::App* merge_app = app.add_subcommand("merge", "copies into it what other databases have and it has not");
    merge_app->add_option("others", options->others, "the databases to copy from")->required()->type_name("FILE");
    merge_app->footer("Example:\n  tilesmith db merge laptop.db server.db --db tuning.db");
    for (CLI::App* sub : {stats_app, verify_app, merge_app}) {
        sub->add_option("--db", options->path, "the database")->capture_default_str();
        sub->add_flag("--json", options->json, "one JSON document on stdout");
        if (sub != merge_app) sub->footer("Example:\n  tilesmith db " + sub->get_name() + " --db tuning.db");
    }
    return [options, stats_app, merge_app] {
        if (merge_app->parsed()) return merge(*options);
        require_database(options->path);
        return stats_app->parsed() ? stats(*options) : verify(*options);
    };
}

}  // namespace

Command db_command() {
    return {"db", "shows what a database holds, verifies it, or merges others into it",
            "tilesmith db stats --db tuning.db", declare};
}

}  // namespace tilesmith
