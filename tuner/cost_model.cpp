#include "tuner/cost_model.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <cassert>
#include <limits>
#include <map>
#include <utility>

#include "core/error.h"

namespace tilesmith {

namespace {

constexpr int kTrees = 100;

void check(int status, const char* doing) {
    if (status != 0) throw run_failed(fmt::format("the cost model failed while {}: {}", doing, XGBGetLastError()));
}

// Owns the matrix of a call.
class Matrix {
  public:
    explicit Matrix(const std::vector<const std::vector<float>*>& rows) {
        const size_t columns = rows.empty() ? 0 : rows.front()->size();
        std::vector<float> values;
        values.reserve(rows.size() * columns);
        for (const auto* row : rows) {
            if (row->size() != columns)
                throw run_failed(fmt::format("rows of {} and of {} features for one cost model", columns, row->size()));
            values.insert(values.end(), row->begin(), row->end());
        }
        check(XGDMatrixCreateFromMat_omp(values.data(), rows.size(), columns, std::numeric_limits<float>::quiet_NaN(),
                                         &handle_, 1),
              "copying features");
    }
    Matrix(const Matrix&) = delete;
    Matrix& operator=(const Matrix&) = delete;
    ~Matrix() { XGDMatrixFree(handle_); }

    void set(const char* field, const std::vector<float>& values) {
        check(XGDMatrixSetFloatInfo(handle_, field, values.data(), values.size()), "copying labels");
    }
    [[nodiscard]] DMatrixHandle handle() const { return handle_; }

  private:
    DMatrixHandle handle_ = nullptr;
};

std::vector<float> speeds(const std::vector<Example>& examples) {
    std::map<std::string, double> least;
    for (const Example& example : examples) {
        if (example.cost_ns <= 0) continue;
        const auto [at, inserted] = least.emplace(example.group, example.cost_ns);
        if (!inserted && example.cost_ns < at->second) at->second = example.cost_ns;
    }
    std::vector<float> result;
    result.reserve(examples.size());
    for (const Example& example : examples)
        result.push_back(example.cost_ns > 0 ? static_cast<float>(least.at(example.group) / example.cost_ns) : 0.0F);
    return result;
}

}  // namespace

struct CostModel::Impl {
    uint64_t seed = 1;
    BoosterHandle booster = nullptr;
    std::unique_ptr<Matrix> training;  // outlives the booster, which keeps caches of it

    explicit Impl(uint64_t the_seed) : seed(the_seed) { check(XGBSetGlobalConfig("{\"verbosity\": 0}"), "starting"); }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { forget(); }

    void forget() {
        if (booster != nullptr) XGBoosterFree(booster);
        booster = nullptr;
        training.reset();
    }

    void set(const char* name, const std::string& value) const {
        check(XGBoosterSetParam(booster, name, value.c_str()), "setting its parameters");
    }

    void set_runtime_parameters() const {
        set("nthread", "1");
        set("verbosity", "0");
        set("seed", fmt::format("{}", seed & 0x7fffffffU));
    }
};

CostModel::CostModel(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
CostModel::CostModel(CostModel&&) noexcept = default;
CostModel& CostModel::operator=(CostModel&&) noexcept = default;
CostModel::~CostModel() = default;

bool CostModel::fitted() const { return impl_->booster != nullptr; }

void CostModel::fit(const std::vector<Example>& examples) {
    assert(!examples.empty());
    impl_->forget();
    std::vector<const std::vector<float>*> rows;
    std::vector<float> weights;
    for (const Example& example : examples) {
        rows.push_back(&example.features);
        weights.push_back(example.weight);
    }
    impl_->training = std::make_unique<Matrix>(rows);
    impl_->training->set("label", speeds(examples));
    impl_->training->set("weight", weights);

    DMatrixHandle matrix = impl_->training->handle();
    check(XGBoosterCreate(&matrix, 1, &impl_->booster), "starting");
    impl_->set_runtime_parameters();
    impl_->set("objective", "reg:squarederror");
    impl_->set("base_score", "0.5");
    // Histograms of 32 bins learn four times as fast as exact splits and rank as well: tile sizes take few values.
    impl_->set("tree_method", "hist");
    impl_->set("max_bin", "32");
    impl_->set("max_depth", "4");
    impl_->set("eta", "0.15");
    impl_->set("subsample", "0.7");  // labels are noisy
    impl_->set("min_child_weight", "0.5");
    impl_->set("lambda", "0.3");
    impl_->set("colsample_bynode",
               "0.5");  // few examples, many related features: trees should not all ask the same one
    for (int tree = 0; tree < kTrees; ++tree) check(XGBoosterUpdateOneIter(impl_->booster, tree, matrix), "learning");
}

std::vector<float> CostModel::predict(const std::vector<std::vector<float>>& rows) const {
    assert(fitted());
    if (rows.empty()) return {};
    std::vector<const std::vector<float>*> pointers;
    pointers.reserve(rows.size());
    for (const auto& row : rows) pointers.push_back(&row);
    const Matrix matrix(pointers);
    const char* config =
        R"({"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": false})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    check(XGBoosterPredictFromDMatrix(impl_->booster, matrix.handle(), config, &shape, &dimensions, &values),
          "predicting");
    return {values, values + rows.size()};
}

std::string CostModel::save() const {
    assert(fitted());
    bst_ulong size = 0;
    const char* bytes = nullptr;
    check(XGBoosterSaveModelToBuffer(impl_->booster, R"({"format": "json"})", &size, &bytes), "saving");
    return {bytes, size};
}

CostModel CostModel::load(const std::string& text) {
    CostModel model(1);
    check(XGBoosterCreate(nullptr, 0, &model.impl_->booster), "starting");
    if (XGBoosterLoadModelFromBuffer(model.impl_->booster, text.data(), text.size()) != 0)
        throw bad_input(fmt::format("not a cost model: {}", XGBGetLastError()));
    model.impl_->set_runtime_parameters();
    return model;
}

}  // namespace tilesmith
