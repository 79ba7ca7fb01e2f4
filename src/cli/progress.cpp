#include "cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>

namespace tilesmith {

namespace {

constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kPlainInterval{10};
constexpr size_t kFallbackColumns = 80;

size_t terminal_columns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kFallbackColumns;
}

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& text) {
    const Clock::time_point now = Clock::now();
    const bool first = !shown_ && terminal_;
    if (!first && now - last_ < (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kPlainInterval)))
        return;
    last_ = now;
    if (!terminal_) {
        std::cerr << text << std::endl;
        return;
    }
    std::cerr << "\r\x1b[K" << text.substr(0, terminal_columns() - 1) << std::flush;
    shown_ = true;
}

void Progress::say(const std::string& text) {
    clear();
    std::cerr << text << std::endl;
}

void Progress::clear() {
    if (shown_) std::cerr << "\r\x1b[K" << std::flush;
    shown_ = false;
}

}  // namespace tilesmith
