#include "core/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "core/argv.h"
#include "core/error.h"

namespace tilesmith {
namespace {

pid_t spawn(std::vector<std::string> words, int output) {
    const std::vector<char*> arguments = argv_of(words);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, arguments.front(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw run_failed("cannot start " + words.front() + ": " + std::strerror(error));
    return pid;
}

// Reads until the end of the stream; false when time was up before.
bool read_all(int input, double timeout_s, std::string& output) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(timeout_s);
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
        if (left <= 0) return false;
        pollfd wait{input, POLLIN, 0};
        const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        std::array<char, 4096> chunk{};
        const ssize_t size = read(input, chunk.data(), chunk.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return true;
        output.append(chunk.data(), static_cast<size_t>(size));
    }
}

}  // namespace

std::string own_program(const std::string& name) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
    const std::array<fs::path, 3> places{here / name, here.parent_path() / name,
                                         here.parent_path() / "libexec" / "tilesmith" / name};
    for (const fs::path& place : places)
        if (access(place.c_str(), X_OK) == 0) return place;
    throw run_failed(fmt::format("the program {} is missing: it is neither at {} nor at {}", name, places[0].string(),
                                 places[2].string()),
                     "reinstall or rebuild tilesmith; its programs belong together");
}

ChildResult run_child(const std::vector<std::string>& words, double timeout_s) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw run_failed(std::string("cannot make a pipe: ") + std::strerror(errno));
    pid_t pid = -1;
    try {
        pid = spawn(words, ends[1]);
    } catch (...) {
        close(ends[0]);
        close(ends[1]);
        throw;
    }
    close(ends[1]);
    ChildResult result;
    result.timed_out = !read_all(ends[0], timeout_s, result.output);
    close(ends[0]);
    if (result.timed_out) kill(pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) result.exit_status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    return result;
}

}  // namespace tilesmith
