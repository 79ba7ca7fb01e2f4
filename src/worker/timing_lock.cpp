#include "worker/timing_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace tilesmith {

namespace {

// Without O_CREAT first: in a sticky folder the kernel refuses to "create" what somebody else already did.
int open_lock_file(const std::string& path) {
    const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
    int file = open(path.c_str(), flags);
    if (file < 0 && errno == ENOENT) file = open(path.c_str(), flags | O_CREAT | O_EXCL, 0644);
    if (file < 0 && errno == EEXIST) file = open(path.c_str(), flags);
    return file;
}

}  // namespace

TimingLock::TimingLock(const std::string& path, const std::function<void()>& waiting) : file_(open_lock_file(path)) {
    if (file_ < 0 || flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    waiting();
    while (flock(file_, LOCK_EX) != 0 && errno == EINTR) continue;
}

TimingLock::~TimingLock() {
    if (file_ >= 0) close(file_);
}

}  // namespace tilesmith
