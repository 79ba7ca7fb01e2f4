#include "cli/peer_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/argv.h"
#include "core/error.h"

namespace tilesmith {

namespace {

// This process's environment with the peer's settings in place of its own.
std::vector<std::string> environment_for(const Peer& peer) {
    std::vector<std::string> result;
    for (const auto& [name, value] : peer.environment) result.push_back(fmt::format("{}={}", name, value));
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        bool replaced = false;
        for (const auto& [name, value] : peer.environment) replaced = replaced || text.starts_with(name + "=");
        if (!replaced) result.emplace_back(text);
    }
    return result;
}

}  // namespace

PeerProcess::PeerProcess(const Peer& peer, const Problem& problem, const Conditions& conditions) : name_(peer.title) {
    std::array<int, 2> input{}, output{};
    if (pipe2(input.data(), O_CLOEXEC) != 0 || pipe2(output.data(), O_CLOEXEC) != 0) {
        throw run_failed(std::string("cannot make a pipe: ") + std::strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    std::vector<std::string> words = {"/proc/self/exe", "peer-times", peer.name, problem.text(), conditions.text()};
    std::vector<std::string> variables = environment_for(peer);
    const int error =
        posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv_of(words).data(), argv_of(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    to_child_ = input[1];
    from_child_ = output[0];
    if (error != 0) {
        end();
        throw run_failed(std::string("cannot start a process: ") + std::strerror(error));
    }
    try {
        const nlohmann::json ready = nlohmann::json::parse(read_line());
        layouts_ = ready.at("layouts").get<std::vector<std::string>>();
        for (const nlohmann::json& computed : ready.at("outputs")) {
            std::vector<float>& spread = spreads_.emplace_back();
            for (const nlohmann::json& bits : computed) spread.push_back(std::bit_cast<float>(bits.get<uint32_t>()));
        }
    } catch (...) {
        end();
        throw;
    }
}

PeerProcess::~PeerProcess() { end(); }

void PeerProcess::end() {
    if (to_child_ >= 0) close(to_child_);
    if (from_child_ >= 0) close(from_child_);
    to_child_ = from_child_ = -1;
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

std::string PeerProcess::read_line() {
    for (;;) {
        const size_t end_of_line = unread_.find('\n');
        if (end_of_line != std::string::npos) {
            std::string line = unread_.substr(0, end_of_line);
            unread_.erase(0, end_of_line + 1);
            return line;
        }
        std::array<char, 4096> buffer{};
        const ssize_t count = read(from_child_, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw run_failed("the process that times " + name_ + " ended early");
        unread_.append(buffer.data(), static_cast<size_t>(count));
    }
}

double PeerProcess::sample(size_t kernel, int calls) {
    const std::string line = std::to_string(kernel) + " " + std::to_string(calls) + "\n";
    if (write(to_child_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
        throw run_failed("the process that times " + name_ + " does not listen");
    }
    return nlohmann::json::parse(read_line()).at("ns").get<double>();
}

}  // namespace tilesmith
