// `tilesmith target list | show | detect | calibrate`: targets and this device.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/print.h"
#include "codegen/calibrate.h"
#include "codegen/host.h"
#include "core/target.h"

namespace tilesmith {

namespace {

struct TargetOptions {
    bool json = false;
    std::string name;
    std::string time = "3s";
    CLI::App* list = nullptr;
    CLI::App* show = nullptr;
    CLI::App* detect = nullptr;
};

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

void list(bool json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows = {{"target", "what it is", "runs here"}};
    for (const Target& target : shipped_targets()) {
        const std::vector<std::string> missing = missing_features(target, host().features);
        list.push_back({{"name", target.name}, {"description", target.description}, {"missing_features", missing}});
        rows.push_back({target.name, target.description, missing.empty() ? "yes" : "lacks " + joined(missing)});
    }
    json ? print_json({{"targets", list}}) : print_table(rows);
}

void show(const std::string& name, bool json) {
    std::string note;
    const nlohmann::ordered_json document = resolve_target(name, /*must_run=*/false, &note).to_json();
    if (!note.empty()) std::cerr << "tilesmith: note: " << note << "\n";
    if (json) return print_json(document);
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : document.items())
        rows.push_back({key, value.is_string() ? value.get<std::string>() : value.dump()});
    print_table(rows);
}

void detect(bool json) {
    std::string note;
    const Target target = resolve_target("host", /*must_run=*/true, &note);
    const Host& machine = host();
    if (json) {
        return print_json({{"device",
                            {{"fingerprint", machine.device.fingerprint},
                             {"description", machine.device.description},
                             {"facts", machine.device.facts}}},
                           {"target", target.name},
                           {"note", note},
                           {"features", machine.features},
                           {"physical_cores", machine.physical_cores},
                           {"core_cpus", machine.core_cpus},
                           {"memory_bytes", machine.memory_bytes},
                           {"l1_bytes", target.l1_bytes},
                           {"l2_bytes", target.l2_bytes},
                           {"l3_bytes", target.l3_bytes}});
    }
    print_table({{"device", machine.device.description},
                 {"fingerprint", machine.device.fingerprint},
                 {"target", target.name + " (" + target.description + ")"},
                 {"cores", std::to_string(machine.physical_cores) + " physical"},
                 {"memory", bytes_text(static_cast<double>(machine.memory_bytes))},
                 {"caches", "L1 " + bytes_text(static_cast<double>(target.l1_bytes)) + ", L2 " +
                                bytes_text(static_cast<double>(target.l2_bytes)) + ", L3 " +
                                bytes_text(static_cast<double>(target.l3_bytes))},
                 {"features", joined(machine.features)}});
    if (!note.empty()) std::cout << "note: " << note << "\n";
}

nlohmann::ordered_json rates_json(const Rates& rates) {
    return {{"peak_gflops", rates.peak_gflops},
            {"l2_gb_per_s", rates.l2_gb_per_s},
            {"l3_gb_per_s", rates.l3_gb_per_s},
            {"memory_gb_per_s", rates.memory_gb_per_s}};
}

std::string rates_text(const Rates& rates) {
    return fmt::format(
        "{:.1f} GFLOP/s (f32, fused multiply-adds in registers); reads {:.1f} GB/s from L2, {:.1f} from L3, "
        "{:.1f} from memory",
        rates.peak_gflops, rates.l2_gb_per_s, rates.l3_gb_per_s, rates.memory_gb_per_s);
}

void calibrate_here(double seconds, bool json) {
    const Calibration c = calibrate(seconds);
    if (json) {
        return print_json(
            {{"device", {{"fingerprint", host().device.fingerprint}, {"description", host().device.description}}},
             {"cores", c.cores},
             {"one_core", rates_json(c.one_core)},
             {"all_cores", rates_json(c.all_cores)}});
    }
    print_table(
        {{"one core", rates_text(c.one_core)}, {fmt::format("all {} cores", c.cores), rates_text(c.all_cores)}});
}

int run(const TargetOptions& options) {
    if (options.list->parsed()) {
        list(options.json);
    } else if (options.show->parsed()) {
        show(options.name, options.json);
    } else if (options.detect->parsed()) {
        detect(options.json);
    } else {
        calibrate_here(parse_duration(options.time), options.json);
    }
    return 0;
}

std::function<int()> declare(CLI::App& app) {
    auto options = std::make_shared<TargetOptions>();
    app.require_subcommand(1);
    options->list = app.add_subcommand("list", "the targets, and which of them run here");
    options->show = app.add_subcommand("show", "one target, field by field");
    options->detect = app.add_subcommand("detect", "this device and the target nearest to it");
    CLI::App* calibrate_app =
        app.add_subcommand("calibrate", "measures what this device can do at most, one core and all");
    options->show->add_option("name", options->name, "a target's name, a .json file, or host")->required();
    calibrate_app->add_option("--time", options->time, "how long to measure (90s, 10m)")->capture_default_str();
    for (CLI::App* sub : {options->list, options->show, options->detect, calibrate_app}) {
        sub->add_flag("--json", options->json, "one JSON document on stdout");
        sub->footer("Example:\n  tilesmith target " + sub->get_name() + (sub == options->show ? " host" : ""));
    }
    return [options] { return run(*options); };
}

}  // namespace

Command target_command() { return {"target", "shows the targets and this device", "tilesmith target detect", declare}; }

}  // namespace tilesmith
