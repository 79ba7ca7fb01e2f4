// How long work shows itself on stderr: one line that is rewritten on a terminal; plain lines now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace tilesmith {

class Progress {
  public:
    Progress();
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // What is going on now. On a terminal it replaces the line before; elsewhere it is dropped unless the last one is
    // old.
    void show(const std::string& text);
    // A line that stays.
    void say(const std::string& text);
    // Takes the rewritten line away.
    void clear();

  private:
    using Clock = std::chrono::steady_clock;
    bool terminal_;
    bool shown_ = false;
    Clock::time_point last_ = Clock::now();
};

}  // namespace tilesmith
