#include "cli/bench_row.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <span>

#include "cli/kernel_call.h"
#include "cli/lookup.h"
#include "cli/peer_process.h"
#include "cli/rival.h"
#include "codegen/host.h"
#include "core/error.h"
#include "runtime/tilesmith_runtime.h"
#include "worker/crew.h"
#include "worker/test_data.h"
#include "worker/timing_lock.h"

namespace tilesmith {

namespace {

constexpr const char* kOurs = "tilesmith";
// With more than one thread: samples in a row before the turn passes on, and how long spinning threads take to sleep.
constexpr int kBlock = 8;
constexpr int kSettleMs = 60;

void require_agreement(const Problem& problem, const Peer& peer, std::span<const float> theirs,
                       std::span<const float> ours) {
    // Of whole numbers up to 4, which both sides are given.
    const float tolerance = problem.exact() ? 1e-6F : 1e-3F;
    const double fast =
        problem.accuracy() == Accuracy::fast ? tilesmith::tolerance(problem, Values::integers).absolute : 0;
    for (size_t i = 0; i < ours.size(); ++i) {
        if (!(std::abs(theirs[i] - ours[i]) <= std::max<double>(fast, tolerance * (1 + std::abs(theirs[i]))))) {
            throw negative_answer(
                fmt::format("{}: an output is {} here and {} with {}", problem.text(), ours[i], theirs[i], peer.title),
                "'tilesmith try' checks a kernel against the reference");
        }
    }
}

// Each of the rival's ways, called once, leaves in `theirs` what is in `ours`.
void check_rival(const Problem& problem, const Peer& peer, Rival& rival, std::span<const float> theirs,
                 std::span<const float> ours) {
    for (size_t way = 0; peer.computes && way < rival.ways(); ++way) {
        rival.begin(way);
        rival.run(way);
        rival.finish(way);
        require_agreement(problem, peer, theirs, ours);
    }
}

TimedContender in_process(std::string name, std::function<void()> run) {
    return {std::move(name), [run = std::move(run)](int calls) { return time_calls(run, calls); }};
}

// Our kernel in all its ways, each a contender of its own.
void add_ours(KernelCall& kernel, std::vector<TimedContender>& contenders, std::vector<ContenderTime>& times) {
    for (size_t way = 0; way < kernel.ways(); ++way) {
        contenders.push_back(in_process(kOurs, [&kernel, way] { kernel.run(way); }));
        times.push_back({kOurs, kernel.layout(way), {}});
    }
}

// Keeps the fastest of each library's kernels.
std::vector<ContenderTime> fastest_of_each(const std::vector<ContenderTime>& all) {
    std::vector<ContenderTime> fastest;
    for (const ContenderTime& candidate : all) {
        const auto same = std::find_if(fastest.begin(), fastest.end(),
                                       [&](const ContenderTime& other) { return other.name == candidate.name; });
        if (same == fastest.end()) {
            fastest.push_back(candidate);
        } else if (median(candidate.result.samples_ns) < median(same->result.samples_ns)) {
            *same = candidate;
        }
    }
    return fastest;
}

// `results` belong to `times`, which begin with ours.
void keep_results(BenchRow& row, std::vector<ContenderTime>& times, const std::vector<ContestResult>& results) {
    for (size_t i = 0; i < times.size(); ++i) times[i].result = results[i];
    row.peers = fastest_of_each(times);
    row.ours = row.peers.front();
    row.peers.erase(row.peers.begin());
}

// Members of a crew prepare one after the other: not every library may be set up by several threads at once.
std::mutex& preparing() {
    static std::mutex mutex;
    return mutex;
}

// What `prepare` returns; where the rival gives up on the problem, a note to the user and nothing.
template <class Prepare>
auto prepared_or_nothing(const Problem& problem, const Prepare& prepare) -> decltype(prepare()) {
    try {
        return prepare();
    } catch (const Error& error) {
        std::cerr << fmt::format("tilesmith: note: {}: left out: {}\n", problem.text(), error.what());
        return {};
    }
}

void say_waiting() { std::cerr << "tilesmith: waiting for another program that is timing kernels here\n"; }

// Pins the calling thread while it lives.
class Pin {
  public:
    Pin() {
        sched_getaffinity(0, sizeof before_, &before_);
        pin_to(host().core_cpus.front());
    }
    ~Pin() { sched_setaffinity(0, sizeof before_, &before_); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

  private:
    cpu_set_t before_{};
};

// One thread, or one pool for all: everybody in this process, sample by sample.
void time_in_one_process(BenchRow& row, const std::vector<const Peer*>& rivals, KernelCall& kernel,
                         ProblemBuffers& buffers, const float* our_output, double budget_s) {
    std::vector<TimedContender> contenders;
    std::vector<ContenderTime> times;
    add_ours(kernel, contenders, times);
    std::vector<std::unique_ptr<Rival>> prepared;
    for (const Peer* peer : rivals) {
        float* output = buffers.new_output();
        const auto check = [&](Rival& rival) {
            check_rival(row.problem, *peer, rival, {output, buffers.output_elements()},
                        {our_output, buffers.output_elements()});
        };
        auto rival = prepared_or_nothing(row.problem, [&] {
            auto made = std::make_unique<Rival>(*peer, row.problem, row.conditions, buffers, output);
            // A plain algorithm sums one element after the other: its rounding errors may be too large.
            if (!peer->by_default) check(*made);
            return made;
        });
        if (!rival) continue;
        if (peer->by_default) check(*rival);
        for (size_t way = 0; way < rival->ways(); ++way) {
            contenders.push_back(in_process(peer->name, [&r = *rival, way] { r.run(way); }));
            times.push_back({peer->name, rival->layout(way), {}});
        }
        prepared.push_back(std::move(rival));
    }
    const TimingLock lock(TimingLock::kDefaultPath, say_waiting);
    const Pin pin;
    keep_results(row, times, hold_contest(contenders, budget_s));
}

// Several threads, of several pools: each library in a process of its own, in alternating blocks with ours.
void time_in_processes(BenchRow& row, const std::vector<const Peer*>& rivals, KernelCall& kernel,
                       const std::vector<float>& our_spread, double budget_s) {
    std::vector<TimedContender> contenders;
    std::vector<ContenderTime> times;
    add_ours(kernel, contenders, times);
    std::vector<std::unique_ptr<PeerProcess>> processes;
    for (const Peer* peer : rivals) {
        auto started = prepared_or_nothing(
            row.problem, [&] { return std::make_unique<PeerProcess>(*peer, row.problem, row.conditions); });
        if (!started) continue;
        PeerProcess& process = *processes.emplace_back(std::move(started));
        for (size_t i = 0; i < process.layouts().size(); ++i) {
            if (peer->computes) require_agreement(row.problem, *peer, process.spreads()[i], our_spread);
            contenders.push_back({peer->name, [&process, i](int calls) { return process.sample(i, calls); }});
            times.push_back({peer->name, process.layouts()[i], {}});
        }
    }
    for (TimedContender& contender : contenders) {
        contender.settle_ms = kSettleMs;
        contender.samples_in_a_row = kBlock;
    }
    const TimingLock lock(TimingLock::kDefaultPath, say_waiting);
    const Pin pin;
    keep_results(row, times, hold_contest(contenders, budget_s));
}

// What one member of a crew times: our kernel and the libraries', on tensors of its own.
struct Copy {
    std::unique_ptr<ProblemBuffers> buffers;
    float* output = nullptr;
    float* rival_output = nullptr;  // of the latest rival
    std::unique_ptr<KernelCall> kernel;
    std::vector<std::unique_ptr<Rival>> rivals;
};

// `call` by all members at the same time.
TimedContender by_all(std::string name, Crew& crew, std::function<void(size_t member)> call) {
    return {std::move(name), [&crew, call = std::move(call)](int calls) {
                crew.run(call);
                const auto work = [&](size_t member) {
                    for (int i = 0; i < calls; ++i) call(member);
                };
                return crew.run(work) / calls;
            }};
}

// Throughput: as many copies of each contender as the conditions say call at the same time, with one thread each; all
// contenders in this process, sample by sample.
void time_copies(BenchRow& row, const std::vector<const Peer*>& rivals, const Schedule& schedule, const Target& target,
                 double budget_s) {
    std::vector<int> cpus = host().core_cpus;
    cpus.resize(static_cast<size_t>(row.conditions.copies));
    Crew crew(cpus);
    const Conditions one{1};
    Loader loader;
    std::vector<Copy> copies(crew.size());
    for (Copy& copy : copies) {
        copy.buffers = std::make_unique<ProblemBuffers>(row.problem, /*seed=*/1);
        copy.output = copy.buffers->new_output();
        copy.kernel =
            std::make_unique<KernelCall>(row.problem, schedule, target, one, loader, *copy.buffers, copy.output);
    }
    crew.run([&copies](size_t member) { copies[member].kernel->check_ways(); });
    std::vector<TimedContender> contenders;
    std::vector<ContenderTime> times;
    for (size_t way = 0; way < copies.front().kernel->ways(); ++way) {
        contenders.push_back(by_all(kOurs, crew, [&copies, way](size_t member) { copies[member].kernel->run(way); }));
        times.push_back({kOurs, copies.front().kernel->layout(way), {}});
    }
    for (const Peer* peer : rivals) {
        const size_t index = copies.front().rivals.size();
        // By the thread that will call it: libraries keep settings for each.
        const auto by_each = [&](const std::function<void(Copy&)>& work) {
            crew.run([&](size_t member) {
                const std::lock_guard<std::mutex> lock(preparing());
                work(copies[member]);
            });
        };
        const auto check = [&] {
            by_each([&](Copy& copy) {
                const size_t elements = copy.buffers->output_elements();
                check_rival(row.problem, *peer, *copy.rivals[index], {copy.rival_output, elements},
                            {copy.output, elements});
            });
        };
        const bool prepared = prepared_or_nothing(row.problem, [&] {
            by_each([&](Copy& copy) {
                copy.rival_output = copy.buffers->new_output();
                copy.rivals.push_back(
                    std::make_unique<Rival>(*peer, row.problem, one, *copy.buffers, copy.rival_output));
            });
            if (!peer->by_default) check();
            return true;
        });
        if (!prepared) {
            for (Copy& copy : copies) copy.rivals.resize(index);
            continue;
        }
        if (peer->by_default) check();
        for (size_t way = 0; way < copies.front().rivals[index]->ways(); ++way) {
            contenders.push_back(by_all(
                peer->name, crew, [&copies, index, way](size_t member) { copies[member].rivals[index]->run(way); }));
            times.push_back({peer->name, copies.front().rivals[index]->layout(way), {}});
        }
    }
    const TimingLock lock(TimingLock::kDefaultPath, say_waiting);
    keep_results(row, times, hold_contest(contenders, budget_s));
    // Primitives end in the threads that made them.
    crew.run([&](size_t member) { copies[member].rivals.clear(); });
}

}  // namespace

const ContenderTime* BenchRow::best_peer() const {
    const ContenderTime* best = nullptr;
    for (const ContenderTime& peer : peers) {
        if (!peer_named(peer.name).computes) continue;
        if (best == nullptr || median(peer.result.samples_ns) < median(best->result.samples_ns)) best = &peer;
    }
    return best;
}

const ContenderTime* BenchRow::yardstick() const {
    const auto found = std::find_if(peers.begin(), peers.end(),
                                    [](const ContenderTime& peer) { return !peer_named(peer.name).computes; });
    return found == peers.end() ? nullptr : &*found;
}

BenchRow time_problem(const Problem& problem, const Conditions& conditions, const Target& target,
                      const Database* database, const std::vector<const Peer*>& rivals, double budget_s) {
    BenchRow row{problem, conditions, "", {}, {}};
    const Found found = find_schedule(database, problem, conditions, target);
    row.tier = found.tier;
    std::vector<const Peer*> able;
    std::copy_if(rivals.begin(), rivals.end(), std::back_inserter(able),
                 [&](const Peer* peer) { return peer->supports(problem); });
    if (conditions.objective == Objective::throughput) {
        time_copies(row, able, found.schedule, target, budget_s);
        return row;
    }
    Loader loader;
    ProblemBuffers buffers(problem, /*seed=*/1);
    float* output = buffers.new_output();
    KernelCall kernel(problem, found.schedule, target, conditions, loader, buffers, output);
    tilesmith_rt_set_num_threads(conditions.threads);
    tilesmith_rt_set_affinity(host().core_cpus.data(), static_cast<int>(host().core_cpus.size()));
    kernel.check_ways();
    const bool one_pool = std::all_of(able.begin(), able.end(), [](const Peer* peer) { return peer->our_pool; });
    if (conditions.threads == 1 || one_pool) {
        time_in_one_process(row, able, kernel, buffers, output, budget_s);
    } else {
        time_in_processes(row, able, kernel, buffers.spread_of(output), budget_s);
    }
    return row;
}

}  // namespace tilesmith
