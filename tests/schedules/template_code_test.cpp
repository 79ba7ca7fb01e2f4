// Trials are filed under a template's version, so a template whose code changed needs a new one. This keeps the hash of
// what each template's default schedule compiles to, for a fixed target and problem.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "codegen/compiler.h"
#include "core/target.h"
#include "export/objects.h"
#include "schedules/operator.h"
#include "schedules/template.h"

namespace tilesmith {
namespace {

// A small problem that the template applies to.
Problem example_for(const std::string& name) {
    static const std::map<std::string, std::string> kExamples{
        {"small", "matmul b=3 m=9 n=13 k=7"},
        {"dot", "matmul m=4 n=24 k=200 tb=1"},
        {"stream", "matmul m=3 n=100 k=50"},
        {"split_k", "matmul m=20 n=24 k=2500"},
        {"register_tile", "matmul m=50 n=60 k=70"},
        {"depthwise", "conv2d n=1 h=14 w=14 ci=32 co=32 kh=3 kw=3 pad=1 groups=32"},
        {"winograd", "conv2d n=1 h=14 w=14 ci=16 co=24 kh=3 kw=3 pad=1 accuracy=fast"},
        {"direct", "conv2d n=1 h=14 w=14 ci=16 co=24 kh=3 kw=3 pad=1"},
        {"phases", "conv2d_transposed h=6 w=7 ci=8 co=16 kh=4 kw=4 stride=2 pad=1"},
        {"spread", "conv2d_transposed h=6 w=7 ci=8 co=3 kh=4 kw=4 stride=2 pad=1"},
        {"window", "max_pool h=14 w=14 c=32 kh=3 kw=3 stride=2 pad=1"},
        {"row_passes", "softmax rows=10 cols=100"},
        {"sum_chunks", "norm m=50 n=100"},
        {"fold_rows", "reduce_sum outer=10 reduced=300"},
        {"fold_columns", "reduce_mean outer=2 reduced=49 kept=100"},
        {"chain", "elementwise rows=20 cols=100 epilogue=bias,relu"},
        {"tiles", "transpose m=50 n=70"},
    };
    return parse_problem(kExamples.at(name));
}

// The lines of template_code.txt: "NAME VERSION HASH".
std::map<std::string, std::string> recorded() {
    std::ifstream file(TEMPLATE_CODE_FILE);
    std::map<std::string, std::string> lines;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line.front() == '#') continue;
        lines[line.substr(0, line.rfind(' '))] = line.substr(line.rfind(' ') + 1);
    }
    return lines;
}

TEST_CASE("templates: code that changes comes with a new version", "[kernel]") {
    const Target target = target_named("x86-64-avx2");
    const std::map<std::string, std::string> hashes = recorded();
    const Conditions conditions;
    for (const Template& t : templates()) {
        const Problem problem = example_for(t.id.name);
        const CompileResult result = compile(problem, t.default_schedule(problem, target, conditions), target,
                                             conditions, Checks::none, "kernel");
        REQUIRE(result.kernel);
        std::ostringstream key;
        key << t.id.name << ' ' << t.id.version;
        const std::string hash = code_of(result.kernel->object).hash;
        INFO("the code of template '" << t.id.name
                                      << "' is not the recorded one. If its schedule or algorithm changed, raise "
                                      << "its version; then put this line into template_code.txt:\n"
                                      << key.str() << ' ' << hash);
        const auto found = hashes.find(key.str());
        CHECK((found != hashes.end() && found->second == hash));
    }
}

}  // namespace
}  // namespace tilesmith
