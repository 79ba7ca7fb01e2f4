// The parser, tried on a made-up operator so that it is tested apart from the table of real ones.
#include "core/problem.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "core/error.h"

using namespace tilesmith;

namespace {

const ProblemSpec& spec() {
    static const ProblemSpec kSpec = [] {
        ProblemSpec s;
        s.op = "blur";
        s.extents = {{.name = "b", .axes = {"b"}, .default_value = 1},
                     {.name = "n", .axes = {"n"}, .default_value = 1, .always_written = true},
                     {.name = "h", .axes = {"h"}}};
        s.attributes = {{.name = "stride", .axes = {"stride_h", "stride_w"}, .default_value = 1},
                        {.name = "pad",
                         .axes = {"pad_h", "pad_w"},
                         .default_value = 0,
                         .least = 0,
                         .ends = {{"pad_h_end", "pad_h"}, {"pad_w_end", "pad_w"}}},
                        {.name = "t", .axes = {"t"}, .default_value = 0, .least = 0, .most = 1}};
        s.weights = Weights::fixed;
        s.eps = 1e-5;
        s.epilogue = true;
        s.check = [](const Problem& p) {
            if (p["h"] == 13) throw bad_input("h=13 is unlucky");
        };
        return s;
    }();
    return kSpec;
}

Problem parse(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    return parse_problem(spec(), words);
}

// What the user reads: the message and the remedy. Empty where nothing was wrong.
std::string complaint(const std::string& text) {
    try {
        static_cast<void>(parse(text));
        return "";
    } catch (const Error& error) {
        CHECK(error.kind() == Error::Kind::bad_input);
        return std::string(error.what()) + " | " + error.remedy();
    }
}

}  // namespace

TEST_CASE("problem: the canonical text keeps extents and what differs from its default", "[unit]") {
    const auto [written, canonical] = GENERATE(table<std::string, std::string>({
        {"h=5", "blur n=1 h=5 dtype=f32"},
        {"h=5 eps=0.00001", "blur n=1 h=5 dtype=f32"},
        {"h=5 eps=0.125 weights=fresh", "blur n=1 h=5 dtype=f32 eps=0.125 weights=fresh"},
        {"dtype=f32 h=5 n=1 b=1", "blur n=1 h=5 dtype=f32"},
        {"h=005 b=2", "blur b=2 n=1 h=5 dtype=f32"},
        {"h=5 stride=1 pad=0 t=0 weights=fixed accuracy=strict epilogue=none", "blur n=1 h=5 dtype=f32"},
        {"pad=2 stride=3 h=5", "blur n=1 h=5 dtype=f32 stride=3 pad=2"},
        {"stride_w=3 stride_h=3 h=5", "blur n=1 h=5 dtype=f32 stride=3"},
        {"stride_w=3 h=5", "blur n=1 h=5 dtype=f32 stride_w=3"},
        {"stride_w=3 h=5 stride=2", "blur n=1 h=5 dtype=f32 stride_h=2 stride_w=3"},
        {"pad=2 h=5 pad_h_end=2", "blur n=1 h=5 dtype=f32 pad=2"},
        {"pad_h_end=0 pad=2 h=5", "blur n=1 h=5 dtype=f32 pad=2 pad_h_end=0"},
        {"pad_w_end=1 h=5", "blur n=1 h=5 dtype=f32 pad_w_end=1"},
        {"pad_h=2 h=5", "blur n=1 h=5 dtype=f32 pad_h=2"},
        {"epilogue=bias,relu h=5 accuracy=fast weights=fresh t=1",
         "blur n=1 h=5 dtype=f32 t=1 weights=fresh accuracy=fast epilogue=bias,relu"},
        {"h=2147483647", "blur n=1 h=2147483647 dtype=f32"},
    }));
    CAPTURE(written);
    const Problem problem = parse(written);
    CHECK(problem.text() == canonical);
    CHECK(parse(canonical.substr(canonical.find(' '))) == problem);
}

TEST_CASE("problem: a name for one axis wins over the name for all, in any order", "[unit]") {
    for (const char* text : {"h=9 pad=3 pad_h=1 pad_w_end=4", "pad_w_end=4 pad_h=1 pad=3 h=9"}) {
        const Problem p = parse(text);
        CHECK(p["pad_h"] == 1);
        CHECK(p["pad_h_end"] == 1);
        CHECK(p["pad_w"] == 3);
        CHECK(p["pad_w_end"] == 4);
        CHECK(p["stride_w"] == 1);
    }
}

TEST_CASE("problem: asking for a value the operator lacks is an error", "[unit]") {
    CHECK_THROWS_AS(parse("h=1")["depth"], Error);
}

TEST_CASE("problem: bad pairs are refused with their name, their value and what is allowed", "[unit]") {
    const auto [written, parts] = GENERATE(table<std::string, std::vector<std::string>>({
        {"", {"blur needs 'h'", "h=N", "2147483647"}},
        {"n=1", {"blur needs 'h'"}},
        {"h=0", {"h=0", "too small", "1 to 2147483647"}},
        {"h=-3", {"h=-3", "too small"}},
        {"h=2147483648", {"h=2147483648", "too large", "2147483647"}},
        {"h=99999999999999999999", {"h=99999999999999999999", "too large"}},
        {"h=-99999999999999999999", {"too small"}},
        {"h=five", {"h=five is not a whole number"}},
        {"h=5.5", {"h=5.5 is not a whole number"}},
        {"h=5e2", {"not a whole number"}},
        {"h=+5", {"not a whole number"}},
        {"h=", {"h= is not a whole number"}},
        {"h=5 h=6", {"'h' is given twice", "h=5", "h=6"}},
        {"h=5 depth=3", {"blur has no pair 'depth'", "stride_h", "pad_w_end", "epilogue", "dtype"}},
        {"h=5 stuff", {"'stuff' is not a name=value pair"}},
        {"h=5 =3", {"'=3' is not a name=value pair"}},
        {"h=5 stride=0", {"stride=0", "too small"}},
        {"h=5 pad=-1", {"pad=-1", "0 to"}},
        {"h=5 pad_h_end=-1", {"pad_h_end=-1"}},
        {"h=5 t=2", {"t=2", "0 or 1"}},
        {"h=5 dtype=f31", {"unknown dtype 'f31'", "dtype is f32"}},
        {"h=5 weights=frozen", {"unknown weights 'frozen'", "fresh or fixed"}},
        {"h=5 accuracy=loose", {"unknown accuracy 'loose'", "strict or fast"}},
        {"h=5 epilogue=swish",
         {"unknown epilogue 'swish'", "bias, add, scale, relu, relu6, gelu, gelu_tanh, sigmoid, tanh, silu"}},
        {"h=5 epilogue=", {"unknown epilogue ''"}},
        {"h=5 epilogue=bias,,relu", {"unknown epilogue ''"}},
        {"h=5 epilogue=bias,relu,", {"unknown epilogue ''"}},
        {"h=5 epilogue=bias,relu,bias", {"'bias' appears twice"}},
        {"h=13", {"unlucky"}},
    }));
    CAPTURE(written);
    const std::string said = complaint(written);
    for (const std::string& part : parts) CHECK_THAT(said, Catch::Matchers::Contains(part));
}

TEST_CASE("problem: pairs that an operator does not have are refused", "[unit]") {
    ProblemSpec bare;
    bare.op = "copy";
    bare.extents = {{.name = "n", .axes = {"n"}}};
    CHECK(parse_problem(bare, {"n=4"}).text() == "copy n=4 dtype=f32");
    CHECK_THROWS_AS(parse_problem(bare, {"n=4", "weights=fixed"}), Error);
    CHECK_THROWS_AS(parse_problem(bare, {"n=4", "epilogue=relu"}), Error);
}

TEST_CASE("problem: an epilogue is exact when each of its operations is", "[unit]") {
    CHECK(parse("h=1").exact());
    for (const EpilogueInfo& info : epilogue_table()) {
        const Problem problem = parse("h=1 epilogue=relu," + std::string(info.name));
        CHECK(problem.exact() == info.exact);
        REQUIRE(problem.epilogue().size() == 2);
        CHECK(problem.epilogue()[1] == info.op);
        CHECK(&epilogue_info(info.op) == &info);
    }
    CHECK_FALSE(parse("h=1 epilogue=bias,gelu").exact());
}
