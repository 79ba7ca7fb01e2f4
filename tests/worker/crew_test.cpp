#include "worker/crew.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "codegen/host.h"

using namespace tilesmith;

TEST_CASE("crew: every member works, at the same time, and always on the same thread", "[unit]") {
    Crew crew(host().core_cpus);
    std::atomic<size_t> there = 0;
    std::vector<std::thread::id> threads(crew.size());
    const double ns = crew.run([&](size_t member) {
        threads[member] = std::this_thread::get_id();
        ++there;
        while (there < crew.size()) std::this_thread::yield();  // ends only if all are at work
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    });
    CHECK(ns >= 2e6);
    std::atomic<size_t> others = 0;
    crew.run([&](size_t member) {
        if (threads[member] != std::this_thread::get_id()) ++others;
    });
    CHECK(others == 0);
}

TEST_CASE("crew: what a member throws reaches the caller, and the crew goes on", "[unit]") {
    Crew crew(host().core_cpus);
    CHECK_THROWS_AS(crew.run([](size_t member) {
        if (member == 0) throw std::runtime_error("no");
    }),
                    std::runtime_error);
    std::atomic<size_t> calls = 0;
    crew.run([&](size_t) { ++calls; });
    CHECK(calls == crew.size());
}
