// What a subcommand is. A new one is one file that defines its row and one line of the table in commands.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

namespace tilesmith {

struct Command {
    std::string name;
    std::string summary;  // one line for `tilesmith --help`
    std::string example;  // shown at the end of `tilesmith NAME --help`
    // Declares the options on `app` and returns the action to call once they are parsed. The action returns the exit
    // status and throws Error.
    std::function<int()> (*declare)(CLI::App& app);
    bool hidden = false;  // for our own child processes
};

const std::vector<Command>& commands();

// The exit status when the user interrupted the run.
inline constexpr int kInterruptedStatus = 130;

Command tune_command();
Command try_command();
Command show_command();
Command export_command();
Command bench_command();
Command target_command();
Command list_command();
Command db_command();
Command verify_library_command();
Command replay_command();
Command selftest_command();
Command peer_times_command();

}  // namespace tilesmith
