// A folder of its own for each test, and trials to put into databases.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tuning_db/database.h"

namespace tilesmith {

class TestFolder {
  public:
    TestFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "tilesmith-db-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder for the test");
        path_ = name;
    }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
    [[nodiscard]] size_t entries() const {
        size_t count = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) ++count;
        return count;
    }

  private:
    std::filesystem::path path_;
};

inline std::string contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

inline void put(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

inline Device test_device() {
    return {"x86-64 Test 1/2/3 avx2 l1=32K", "a test machine", {{"cores", 2}, {"l1_bytes", 32768}}};
}
inline Toolchain test_toolchain() { return {"tilesmith 0.1.0, halide 21.0.0"}; }

inline TrialKey test_key(const std::string& problem = "matmul m=64 n=64 k=64 dtype=f32") {
    return {problem, Conditions{}, test_device().fingerprint, test_toolchain().text};
}

inline Trial test_trial(int64_t session, int64_t mr, const TrialKey& key = test_key()) {
    Trial trial;
    trial.key = key;
    trial.schedule = Schedule({"register_tile", 1});
    trial.schedule.set("mr", mr).set("order", std::string("nm"));
    trial.outcome.samples_ns = {1000.25, 1001.5, 1e9 / 3};
    trial.outcome.reference_ns = 50.5;
    trial.outcome.compile_ms = 91.25;
    trial.session = session;
    trial.origin = "random";
    return trial;
}

inline int64_t begin_test_session(Database& db) {
    return db.begin_session({"tilesmith tune matmul m=64 n=64 k=64", UINT64_MAX, "model", {{"load", 0.5}}},
                            test_device(), test_toolchain());
}

}  // namespace tilesmith
