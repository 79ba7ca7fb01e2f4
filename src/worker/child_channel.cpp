#include "worker/child_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <thread>

#include "core/device.h"
#include "core/error.h"

namespace tilesmith {

namespace {

// Sleeps until the other end of stdin is closed. poll() without events wakes for that alone.
void end_with_parent() {
    pollfd input{STDIN_FILENO, POLLRDHUP, 0};
    for (;;) {
        if (poll(&input, 1, -1) < 0 && errno == EINTR) continue;
        _exit(0);
    }
}

void stay_quiet() {
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

// Private writable memory of this process, as RLIMIT_DATA counts it.
size_t data_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != "VmData:") continue;
        size_t kilobytes = 0;
        status >> kilobytes;
        return kilobytes * 1024;
    }
    return 0;
}

}  // namespace

ChildChannel::ChildChannel(nlohmann::ordered_json hello) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    stay_quiet();
    output_ = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (output_ < 0) throw run_failed("stdout is closed: this program is started by tilesmith, not by hand");
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::thread(end_with_parent).detach();
    hello["type"] = "hello";
    hello["protocol"] = kProtocolVersion;
    hello["version"] = program_version();
    write({std::move(hello), {}});
}

std::optional<Frame> ChildChannel::read() {
    std::array<char, 65536> buffer;
    for (;;) {
        if (auto frame = reader_.next()) return frame;
        const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count > 0) {
            reader_.append(buffer.data(), static_cast<size_t>(count));
        } else if (count == 0 || errno != EINTR) {
            return std::nullopt;
        }
    }
}

void ChildChannel::write(const Frame& frame) {
    const std::string bytes = encode(frame);
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t count = ::write(output_, bytes.data() + done, bytes.size() - done);
        if (count > 0) {
            done += static_cast<size_t>(count);
        } else if (errno != EINTR) {
            _exit(0);  // nobody listens any more
        }
    }
}

void ChildChannel::write_stage(const std::string& stage, nlohmann::ordered_json details) {
    details["type"] = "stage";
    details["stage"] = stage;
    write({std::move(details), {}});
}

void limit_memory(size_t more_bytes) {
    const auto machine =
        static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE)) / 4 * 3;
    rlimit limit{};
    const size_t now = data_bytes();
    // Sanitizers reserve more than any machine has: no limit would leave them room.
    if (now > machine || getrlimit(RLIMIT_DATA, &limit) != 0) return;
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::min(now + more_bytes, machine));
    setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace tilesmith
