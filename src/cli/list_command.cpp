// `tilesmith list operators | templates | searches`: the tables.
#include <memory>

#include "cli/command.h"
#include "cli/print.h"
#include "schedules/operator.h"
#include "schedules/template.h"
#include "tuner/search.h"

namespace tilesmith {

namespace {

struct ListOptions {
    bool json = false;
    CLI::App* operators = nullptr;
    CLI::App* templates = nullptr;
};

std::string pairs_text(const std::vector<PairSpec>& pairs) {
    std::string text;
    for (const PairSpec& pair : pairs) {
        text += (text.empty() ? "" : " ") + pair.name + "=" +
                (pair.default_value ? std::to_string(*pair.default_value) : std::string("?"));
    }
    return text;
}

// What a user may write for an operator.
std::string pairs_text(const ProblemSpec& spec) {
    std::string text = pairs_text(spec.extents);
    if (spec.shorthand) {
        text += " (or instead";
        for (const std::string& name : spec.shorthand->names) text += " " + name + "=?";
        text += ")";
    }
    return text + " " + pairs_text(spec.attributes);
}

nlohmann::ordered_json operator_json(const Operator& op) {
    const auto pairs = [](const std::vector<PairSpec>& specs) {
        nlohmann::ordered_json list = nlohmann::ordered_json::array();
        for (const PairSpec& spec : specs) {
            list.push_back({{"name", spec.name}, {"required", !spec.default_value.has_value()}});
            if (spec.default_value) list.back()["default"] = *spec.default_value;
        }
        return list;
    };
    return {{"name", op.name},
            {"summary", op.summary},
            {"extents", pairs(op.spec.extents)},
            {"instead_of_extents", op.spec.shorthand ? op.spec.shorthand->names : std::vector<std::string>{}},
            {"attributes", pairs(op.spec.attributes)},
            {"epilogue", op.spec.epilogue}};
}

void list_operators(bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"operator", "what it computes", "pairs (? must be given)"}};
    for (const Operator& op : operators()) {
        list.push_back(operator_json(op));
        rows.push_back({op.name, op.summary, pairs_text(op.spec)});
    }
    json ? print_json({{"operators", list}}) : print_table(rows);
}

void list_templates(bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"template", "version", "operators", "what it does"}};
    for (const Template& t : templates()) {
        list.push_back(
            {{"name", t.id.name}, {"version", t.id.version}, {"operators", t.operators}, {"summary", t.summary}});
        std::string names;
        for (const std::string& name : t.operators) names += (names.empty() ? "" : ", ") + name;
        rows.push_back({t.id.name, std::to_string(t.id.version), names, t.summary});
    }
    json ? print_json({{"templates", list}}) : print_table(rows);
}

void list_searches(bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"search", "how it proposes schedules"}};
    for (const SearchInfo& search : searches()) {
        list.push_back({{"name", search.name}, {"summary", search.summary}, {"default", list.empty()}});
        rows.push_back({search.name, search.summary});
    }
    json ? print_json({{"searches", list}}) : print_table(rows);
}

int list(const ListOptions& options) {
    if (options.operators->parsed()) {
        list_operators(options.json);
    } else if (options.templates->parsed()) {
        list_templates(options.json);
    } else {
        list_searches(options.json);
    }
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<ListOptions>();
    app.require_subcommand(1);
    options->operators = app.add_subcommand("operators", "what can be computed");
    options->templates = app.add_subcommand("templates", "the ways of computing it");
    CLI::App* searches_app = app.add_subcommand("searches", "the ways of looking for schedules");
    for (CLI::App* sub : {options->operators, options->templates, searches_app}) {
        sub->add_flag("--json", options->json, "one JSON document on stdout");
        sub->footer("Example:\n  tilesmith list " + sub->get_name());
    }
    return [options] { return list(*options); };
}

}  // namespace

Command list_command() {
    return {"list", "lists the operators, templates or searches", "tilesmith list operators", declare};
}

}  // namespace tilesmith
