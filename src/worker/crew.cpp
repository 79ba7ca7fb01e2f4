#include "worker/crew.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

#include "codegen/host.h"

namespace tilesmith {

struct Crew::Shared {
    explicit Shared(size_t members)
        : begin(static_cast<std::ptrdiff_t>(members + 1)),
          end(static_cast<std::ptrdiff_t>(members + 1)),
          nanoseconds(members),
          thrown(members) {}

    void be_member(size_t member, int cpu) {
        pin_to(cpu);
        for (;;) {
            begin.arrive_and_wait();
            if (work == nullptr) return;
            const auto start = std::chrono::steady_clock::now();
            try {
                (*work)(member);
            } catch (...) {
                thrown[member] = std::current_exception();
            }
            nanoseconds[member] =
                std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
            end.arrive_and_wait();
        }
    }

    std::barrier<> begin, end;
    const std::function<void(size_t)>* work = nullptr;  // null: the end
    std::vector<double> nanoseconds;
    std::vector<std::exception_ptr> thrown;
    std::vector<std::thread> threads;
};

Crew::Crew(const std::vector<int>& cpus) : shared_(std::make_unique<Shared>(cpus.size())) {
    shared_->threads.reserve(cpus.size());
    for (size_t i = 0; i < cpus.size(); ++i)
        shared_->threads.emplace_back([shared = shared_.get(), i, cpu = cpus[i]] { shared->be_member(i, cpu); });
}

Crew::~Crew() {
    shared_->work = nullptr;
    shared_->begin.arrive_and_wait();
    for (std::thread& thread : shared_->threads) thread.join();
}

size_t Crew::size() const { return shared_->threads.size(); }

double Crew::run(const std::function<void(size_t)>& work) {
    shared_->work = &work;
    shared_->begin.arrive_and_wait();
    shared_->end.arrive_and_wait();
    for (std::exception_ptr& thrown : shared_->thrown)
        if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
    return *std::max_element(shared_->nanoseconds.begin(), shared_->nanoseconds.end());
}

}  // namespace tilesmith
