#include "tuning_db/lock_holder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

namespace tilesmith {

namespace {

// The command line of a process, its words separated by spaces; empty if it is gone or not ours to see.
std::string command_line(long pid) {
    std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    std::string words = content.str();
    std::replace(words.begin(), words.end(), '\0', ' ');
    while (!words.empty() && words.back() == ' ') words.pop_back();
    return words;
}

std::set<std::string> inodes_of(const std::string& path) {
    std::set<std::string> inodes;
    for (const char* suffix : {"", "-shm"}) {
        struct stat info {};
        if (stat((path + suffix).c_str(), &info) == 0) inodes.insert(std::to_string(info.st_ino));
    }
    return inodes;
}

}  // namespace

std::string lock_holders(const std::string& path) {
    const std::set<std::string> inodes = inodes_of(path);
    std::set<long> pids;
    std::ifstream locks("/proc/locks");
    // "3: POSIX  ADVISORY  WRITE 1234 fe:00:5678 120 120"; those that wait have "->" after the number.
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, kind, mode, access, pid, file;
        if (!(words >> number >> kind >> mode >> access >> pid >> file) || access != "WRITE") continue;
        const std::string inode = file.substr(file.rfind(':') + 1);
        if (inodes.contains(inode)) pids.insert(std::stol(pid));
    }
    std::string text;
    for (const long pid : pids) {
        const std::string command = command_line(pid);
        text += fmt::format("{}process {}{}", text.empty() ? "" : ", ", pid,
                            command.empty() ? "" : fmt::format(" ({})", command));
    }
    return text;
}

}  // namespace tilesmith
