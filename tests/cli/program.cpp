#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace tilesmith::test {

namespace {

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

pid_t start(const Folder& folder, std::vector<std::string> words, const std::string& out, const std::string& err,
            const std::string& before = "") {
    words.insert(words.begin(), TILESMITH_PROGRAM);
    if (!before.empty()) words.insert(words.begin(), {"/bin/sh", "-c", before + "; exec \"$@\"", "sh"});
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.path().c_str());
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, words.front().c_str(), &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("cannot start " + words.front());
    return pid;
}

ProgramRun finish(pid_t pid, const std::string& out, const std::string& err) {
    int status = 0;
    waitpid(pid, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), content_of(out), content_of(err)};
}

}  // namespace

std::vector<nlohmann::json> ProgramRun::json_lines() const {
    std::vector<nlohmann::json> objects;
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
    return objects;
}

bool ProgramRun::has_control_characters() const {
    const std::string all = out + err;
    return std::any_of(all.begin(), all.end(), [](char c) { return (c < ' ' && c >= 0 && c != '\n') || c == 127; });
}

Folder::Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tilesmith-cli-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
}

std::string Folder::read(const std::string& name) const { return content_of(file(name)); }

std::vector<std::string> Folder::names() const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) result.push_back(entry.path().filename());
    std::sort(result.begin(), result.end());
    return result;
}

ProgramRun run_program(const Folder& folder, const std::vector<std::string>& arguments) {
    const Folder outputs;
    const pid_t pid = start(folder, arguments, outputs.file("out"), outputs.file("err"));
    return finish(pid, outputs.file("out"), outputs.file("err"));
}

ProgramRun run_program_after(const Folder& folder, const std::string& before,
                             const std::vector<std::string>& arguments) {
    const Folder outputs;
    const pid_t pid = start(folder, arguments, outputs.file("out"), outputs.file("err"), before);
    return finish(pid, outputs.file("out"), outputs.file("err"));
}

ProgramRun run_and_interrupt(const Folder& folder, const std::vector<std::string>& arguments, double seconds) {
    const Folder outputs;
    const pid_t pid = start(folder, arguments, outputs.file("out"), outputs.file("err"));
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    kill(pid, SIGINT);
    return finish(pid, outputs.file("out"), outputs.file("err"));
}

}  // namespace tilesmith::test
