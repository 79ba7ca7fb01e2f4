#include "tuner/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/argv.h"
#include "core/error.h"

extern char** environ;

namespace tilesmith {

namespace {

// Owns a file descriptor.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

// A pair of connected ends, neither of which a child inherits unasked. Sockets, because a write to one whose reader is
// gone can fail without a signal. Ours does not block.
struct Ends {
    Descriptor ours;
    Descriptor theirs;
};

Ends connect() {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        throw run_failed(fmt::format("cannot start a child process: {}", strerror(errno)));
    fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK);
    return {Descriptor(pair[0]), Descriptor(pair[1])};
}

// The child starts with standard signals: what the program blocks or ignores is its own business.
void use_standard_signals(posix_spawnattr_t& attributes) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

pid_t spawn(const std::vector<std::string>& command, int input, int output, int errors) {
    std::vector<std::string> words = command;
    const std::vector<char*> argv = argv_of(words);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    use_standard_signals(attributes);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) throw run_failed(fmt::format("cannot start {}: {}", command.front(), strerror(error)));
    return pid;
}

}  // namespace

std::string signal_text(int signal) {
    const char* const name = sigabbrev_np(signal);
    return name == nullptr ? fmt::format("signal {}", signal) : fmt::format("SIG{}", name);
}

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
    Ends input = connect();
    Ends output = connect();
    Ends errors = connect();
    pid_ = spawn(command, input.theirs.get(), output.theirs.get(), errors.theirs.get());
    input_ = input.ours.release();
    output_ = output.ours.release();
    errors_ = errors.ours.release();
}

ChildProcess::~ChildProcess() {
    kill();
    reap();
    for (const int end : {input_, output_, errors_}) close(end);
}

void ChildProcess::send(const Frame& frame) {
    outgoing_ += encode(frame);
    write_some();
}

void ChildProcess::watch(std::vector<pollfd>& polled) const {
    if (ended_) return;
    polled.push_back({output_, POLLIN, 0});
    polled.push_back({errors_, POLLIN, 0});
    if (!outgoing_.empty()) polled.push_back({input_, POLLOUT, 0});
}

void ChildProcess::pump() {
    if (ended_) return;
    write_some();
    read_complaints();
    read_some();
    if (ended_) read_complaints();
}

void ChildProcess::write_some() {
    size_t done = 0;
    while (done < outgoing_.size()) {
        const ssize_t count = ::send(input_, outgoing_.data() + done, outgoing_.size() - done, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;  // full, or the child is gone: then reading tells
        done += static_cast<size_t>(count);
    }
    outgoing_.erase(0, done);
}

void ChildProcess::read_some() {
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t count = ::read(output_, buffer.data(), buffer.size());
        if (count > 0) {
            reader_.append(buffer.data(), static_cast<size_t>(count));
        } else if (count < 0 && errno == EINTR) {
            continue;
        } else {
            ended_ = count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
            return;
        }
    }
}

void ChildProcess::read_complaints() {
    constexpr size_t kKeep = 4096;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t count = ::read(errors_, buffer.data(), buffer.size());
        if (count <= 0) return;
        complaints_.append(buffer.data(), static_cast<size_t>(count));
        if (complaints_.size() > kKeep) complaints_.erase(0, complaints_.size() - kKeep);
    }
}

void ChildProcess::kill() {
    if (!end_) ::kill(pid_, SIGKILL);
}

ChildProcess::End ChildProcess::reap() {
    constexpr int kPatienceMs = 2000;  // to end by itself once stdout is closed
    for (int waited_ms = 0; !end_; ++waited_ms) {
        int status = 0;
        if (waited_ms == kPatienceMs) kill();
        const pid_t reaped = waitpid(pid_, &status, waited_ms < kPatienceMs ? WNOHANG : 0);
        if (reaped == pid_) {
            end_ = WIFSIGNALED(status) ? End{WTERMSIG(status), 0} : End{0, WEXITSTATUS(status)};
        } else if (reaped < 0 && errno != EINTR) {
            end_ = End{};  // somebody else waited for it
        } else {
            usleep(1000);
        }
    }
    return *end_;
}

}  // namespace tilesmith
