// The program `tilesmith`: finds the subcommand, runs it, and turns what it throws into a message and an exit status.
#include <CLI/CLI.hpp>
#include <csignal>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "cli/command.h"
#include "core/device.h"
#include "core/error.h"

namespace {

using namespace tilesmith;

int report(const std::string& what, const std::string& remedy, int status) {
    std::cout.flush();
    std::cerr << "tilesmith: error: " << what << "\n";
    if (!remedy.empty()) std::cerr << remedy << "\n";
    return status;
}

// A parser's complaint, with the help of the innermost subcommand that was recognised as the remedy.
int report_parse_error(const CLI::App& app, const CLI::ParseError& error) {
    std::string words = "tilesmith";
    const CLI::App* level = &app;
    while (!level->get_subcommands().empty()) {
        level = level->get_subcommands().front();
        words += " " + level->get_name();
    }
    // The parser only says that a subcommand is required where the word is none.
    const std::vector<std::string> unknown = level->remaining();
    const bool no_such_command = error.get_name() == "RequiredError" && !unknown.empty();
    const std::string what =
        no_such_command ? "'" + words + "' has no subcommand '" + unknown.front() + "'" : error.what();
    return report(what, "try '" + words + " --help'", static_cast<int>(Error::Kind::bad_input));
}

int run(int argc, char** argv) {
    CLI::App app{
        "Tunes tensor kernels for this machine, remembers every measurement and exports the best as a C library."};
    app.name("tilesmith");
    app.set_version_flag("--version", "tilesmith " + program_version());
    app.footer(
        "Example:\n  tilesmith tune matmul m=512 n=512 k=512 --time 60s\n  tilesmith export --db tuning.db -o dist\n"
        "Exit status: 0 done; 1 the answer is no; 2 bad input; 3 the run failed; 130 interrupted.");
    app.require_subcommand(1);
    std::map<const CLI::App*, std::function<int()>> actions;
    for (const Command& command : commands()) {
        CLI::App* sub = app.add_subcommand(command.name, command.summary);
        if (command.hidden) sub->group("");
        if (!command.example.empty()) sub->footer("Example:\n  " + command.example);
        actions[sub] = command.declare(*sub);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {  // --help, --version
        return app.exit(request);
    } catch (const CLI::ParseError& error) {
        return report_parse_error(app, error);
    }
    return actions.at(app.get_subcommands().front())();
}

}  // namespace

int main(int argc, char** argv) {
    // A child process that died is an error of its own, not our end.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const tilesmith::Error& error) {
        return report(error.what(), error.remedy(), error.exit_status());
    } catch (const std::exception& error) {
        return report(error.what(), "", static_cast<int>(tilesmith::Error::Kind::run_failed));
    }
}
