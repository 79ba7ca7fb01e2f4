#include "cli/command.h"

namespace tilesmith {

const std::vector<Command>& commands() {
    static const std::vector<Command> table = {
        tune_command(),   try_command(),      show_command(),           export_command(),
        bench_command(),  target_command(),   list_command(),           db_command(),
        replay_command(), selftest_command(), verify_library_command(), peer_times_command(),
    };
    return table;
}

}  // namespace tilesmith
