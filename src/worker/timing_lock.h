// One timing at a time on a machine, whoever asks for it: a file that everybody may lock.
#pragma once

#include <functional>
#include <string>

namespace tilesmith {

class TimingLock {
  public:
    static constexpr const char* kDefaultPath = "/tmp/tilesmith-timing.lock";

    // Waits until nobody else holds the lock; calls `waiting` first if somebody does. The lock ends with the object or
    // the process. Where no such file can be made, timing goes on without one.
    TimingLock(const std::string& path, const std::function<void()>& waiting);
    ~TimingLock();
    TimingLock(const TimingLock&) = delete;
    TimingLock& operator=(const TimingLock&) = delete;

  private:
    int file_ = -1;
};

}  // namespace tilesmith
