#include "worker/fault_report.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "worker/frames.h"
#include "worker/guarded_memory.h"

namespace tilesmith {

namespace {

// The handler reads these; nothing else may run in it that allocates or locks.
std::array<const GuardedMemory*, 64> watched{};
volatile sig_atomic_t contender = -1;
int report_fd = -1;

const char* short_name(int signal) {
    switch (signal) {
        case SIGSEGV:
            return "SIGSEGV";
        case SIGBUS:
            return "SIGBUS";
        case SIGILL:
            return "SIGILL";
        case SIGFPE:
            return "SIGFPE";
        default:
            return "signal";
    }
}

const char* access_verb(const void* context) {
#if defined(__x86_64__)
    constexpr greg_t kWrite = 2;  // of the page fault's error code
    return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & kWrite) != 0 ? "wrote" : "read";
#else
    static_cast<void>(context);
    return "touched";
#endif
}

// "read 4 bytes after the end of 'b'". False when `address` belongs to nothing we know.
bool describe_place(char* text, size_t size, const char* address, const char* verb) {
    for (const GuardedMemory* memory : watched) {
        if (memory == nullptr || address < memory->mapping()) continue;
        if (address >= memory->mapping() + memory->mapping_bytes()) continue;
        const char* const begin = static_cast<const char*>(memory->data());
        const char* const end = begin + memory->bytes();
        const char* const name = memory->name().c_str();
        if (address < begin)
            std::snprintf(text, size, "%s %lld bytes before the start of '%s'", verb,
                          static_cast<long long>(begin - address), name);
        else if (address >= end)
            std::snprintf(text, size, "%s %lld bytes behind the end of '%s'", verb,
                          static_cast<long long>(address - end + 1), name);
        else
            std::snprintf(text, size, "%s to the input '%s'", verb, name);
        return true;
    }
    return false;
}

bool memory_ran_out() {
    constexpr size_t kProbeBytes = size_t{16} << 20U;
    void* const probe = mmap(nullptr, kProbeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (probe == MAP_FAILED) return true;
    munmap(probe, kProbeBytes);
    return false;
}

void write_report(int signal, const siginfo_t* info, const void* context) {
    const auto* const address = static_cast<const char*>(info->si_addr);
    char place[256];
    constexpr uintptr_t kNearNull = 1U << 16U;
    if (signal != SIGSEGV && signal != SIGBUS)
        std::snprintf(place, sizeof place, "at %p", info->si_addr);
    else if (!describe_place(place, sizeof place, address, access_verb(context)))
        std::snprintf(place, sizeof place, "%s at address %p%s", access_verb(context), info->si_addr,
                      std::bit_cast<uintptr_t>(address) < kNearNull ? " (a null pointer)" : "");
    char json[512];
    const int length = std::snprintf(
        json, sizeof json, R"({"type":"fault","status":"%s","reason":"%s: the kernel %s","contender":%d})",
        memory_ran_out() ? "out_of_memory" : "crashed", short_name(signal), place, static_cast<int>(contender));
    char frame[600];
    std::memcpy(frame, kFrameMagic.data(), kFrameMagic.size());
    for (unsigned i = 0; i < 4; ++i)
        frame[kFrameMagic.size() + i] = static_cast<char>(static_cast<unsigned>(length) >> (8 * i) & 0xffU);
    std::memcpy(frame + kFrameMagic.size() + 4, json, static_cast<size_t>(length));
    const ssize_t written = write(report_fd, frame, kFrameMagic.size() + 4 + static_cast<size_t>(length));
    static_cast<void>(written);
}

// Several threads of a kernel may fault at once: the first one reports.
void on_fault(int signal, siginfo_t* info, void* context) {
    static volatile sig_atomic_t reported = 0;
    if (reported == 0) {
        reported = 1;
        write_report(signal, info, context);
    }
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);
    raise(signal);
}

}  // namespace

void report_faults(int frame_fd) {
    report_fd = frame_fd;
    static std::array<char, 65536> stack;  // a kernel that overflows its stack leaves none to report on
    stack_t alternative{};
    alternative.ss_sp = stack.data();
    alternative.ss_size = stack.size();
    sigaltstack(&alternative, nullptr);
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) sigaction(signal, &action, nullptr);
}

void set_contender(int index) { contender = index; }

void watch_for_faults(const GuardedMemory* memory) {
    const auto free = std::find(watched.begin(), watched.end(), nullptr);
    if (free != watched.end()) *free = memory;
}

void forget_faults(const GuardedMemory* memory) {
    std::replace(watched.begin(), watched.end(), memory, static_cast<const GuardedMemory*>(nullptr));
}

}  // namespace tilesmith
