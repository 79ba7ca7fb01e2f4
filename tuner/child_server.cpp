#include "tuner/child_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "core/error.h"

namespace tilesmith {

namespace {

using Clock = std::chrono::steady_clock;

// The last line, which is where programs say what stopped them.
std::string last_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    const size_t line = text.rfind('\n');
    return line == std::string::npos ? text : text.substr(line + 1);
}

Outcome outcome_of(const ChildProcess::End& end) {
    if (end.signal == SIGKILL)
        return Outcome::failed(Status::out_of_memory, "SIGKILL: as a rule the system's answer to a lack of memory");
    if (end.signal != 0) return Outcome::failed(Status::crashed, signal_text(end.signal));
    return Outcome::failed(Status::crashed, fmt::format("the process ended with exit status {}", end.exit_status));
}

}  // namespace

ChildServer::ChildServer(std::vector<std::string> command, int recycle_after,
                         std::function<void(const Frame&)> on_the_way)
    : command_(std::move(command)), recycle_after_(recycle_after), on_the_way_(std::move(on_the_way)) {}

void ChildServer::start() {
    if (process_ && !process_->ended()) return;
    process_ = std::make_unique<ChildProcess>(command_);
    greeted_ = false;
    served_ = 0;
    fault_.reset();
    for (const Frame& frame : preamble_) process_->send(frame);
}

void ChildServer::ask(const Frame& request, double limit_s) {
    if (served_ >= recycle_after_) process_.reset();
    start();
    ++served_;
    request_ = request;
    busy_ = true;
    allow(limit_s);
    process_->send(request);
}

void ChildServer::allow(double limit_s) {
    limit_s_ = limit_s;
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit_s));
}

void ChildServer::watch(std::vector<pollfd>& polled) const {
    if (process_) process_->watch(polled);
}

double ChildServer::seconds_left() const {
    if (!busy_) return 3600;
    return std::max(0.0, std::chrono::duration<double>(deadline_ - Clock::now()).count());
}

std::optional<ChildServer::Answer> ChildServer::step() {
    if (!process_) return std::nullopt;
    process_->pump();
    while (auto frame = next_frame()) {
        if (!is_reply(*frame)) continue;
        busy_ = false;
        return Answer{std::move(*frame), std::nullopt, -1};
    }
    if (process_->ended()) return handle_end();
    if (!busy_ || Clock::now() < deadline_) return std::nullopt;
    process_.reset();
    return failed(Outcome::failed(Status::timed_out, fmt::format("stopped after {:.3g} s", limit_s_)), -1);
}

// A process that writes something else than frames is as good as dead.
std::optional<Frame> ChildServer::next_frame() {
    try {
        return process_->receive();
    } catch (const Error& error) {
        if (!fault_) fault_ = Outcome::failed(Status::crashed, error.what());
        process_->give_up();
        return std::nullopt;
    }
}

// Takes in what the process says beside its replies.
bool ChildServer::is_reply(const Frame& frame) {
    const std::string type = frame.type();
    if (type == "hello") {
        const int protocol = frame.header.value("protocol", 0);
        if (protocol != kProtocolVersion)
            throw run_failed(fmt::format("{} speaks version {} of the protocol, this program version {}",
                                         command_.front(), protocol, kProtocolVersion),
                             "use programs of one version of tilesmith");
        greeted_ = true;
        false_starts_ = 0;
    } else if (type == "fault") {
        const auto status = status_named(frame.header.value("status", "")).value_or(Status::crashed);
        fault_ = Outcome::failed(status, frame.header.value("reason", ""));
        fault_contender_ = frame.header.value("contender", -1);
    } else if (type == "stage" || type == "reference") {
        on_the_way_(frame);
    } else {
        return busy_;
    }
    return false;
}

std::optional<ChildServer::Answer> ChildServer::handle_end() {
    const ChildProcess::End end = process_->reap();
    const std::string complaint = last_line(process_->complaints());
    const bool never_worked = !greeted_;
    process_.reset();
    if (never_worked) {
        constexpr int kMostFalseStarts = 3;
        if (++false_starts_ == kMostFalseStarts)
            throw run_failed(fmt::format("{} does not start: {}", command_.front(),
                                         complaint.empty() ? outcome_of(end).reason : complaint));
        if (busy_) ask(request_, limit_s_);
        return std::nullopt;
    }
    if (!busy_) return std::nullopt;
    if (fault_) return failed(*fault_, fault_contender_);
    Outcome failure = outcome_of(end);
    if (!complaint.empty() && end.signal != SIGKILL) failure.reason += ": " + complaint;
    return failed(std::move(failure), -1);
}

ChildServer::Answer ChildServer::failed(Outcome failure, int contender) {
    busy_ = false;
    return {{}, std::move(failure), contender};
}

}  // namespace tilesmith
