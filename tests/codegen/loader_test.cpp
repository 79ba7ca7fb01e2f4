#include "codegen/loader.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "codegen/runtime_symbols.h"

using namespace tilesmith;

namespace {

std::string content_of(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

}  // namespace

TEST_CASE("loader: several copies of a kernel live side by side and are called", "[unit]") {
    const std::string object = content_of(KERNEL_OBJECT);
    Loader loader;
    std::vector<std::unique_ptr<LoadedKernel>> kernels;
    for (int copy = 0; copy < 3; ++copy) kernels.push_back(loader.load(object));
    CHECK(kernels[0]->symbol("good") != kernels[1]->symbol("good"));
    CHECK(kernels[0]->symbol("nothing") == nullptr);
    kernels.erase(kernels.begin());
    std::vector<float> a(15, 2);
    std::vector<float> b(21, 3);
    std::vector<float> c(35);
    for (const auto& kernel : kernels)
        CHECK(call_kernel(kernel->symbol("good"), {nullptr, a.data(), b.data(), c.data()}) == 0);
    CHECK(c == std::vector<float>(35, 18));
}

TEST_CASE("loader: an undefined symbol is named, and loading goes on afterwards", "[unit]") {
    Loader loader;
    CHECK_THROWS_WITH(loader.load(content_of(UNDEFINED_OBJECT)), Catch::Matchers::Contains("no_such_function"));
    CHECK_THROWS_AS(loader.load("this is no object"), Error);
    CHECK(loader.load(content_of(KERNEL_OBJECT))->symbol("good") != nullptr);
}

TEST_CASE("loader: every symbol that kernels may use has an address", "[unit]") {
    for (const RuntimeSymbol& symbol : runtime_symbols()) {
        INFO(symbol.name);
        CHECK(symbol.address != nullptr);
    }
}

TEST_CASE("loader: more than sixteen arguments are refused", "[unit]") {
    CHECK_THROWS_AS(call_kernel(nullptr, std::vector<void*>(17)), Error);
}
