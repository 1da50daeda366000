#include "show_json.hpp"

#include <cstdlib>

namespace ctdb::config_tool {

namespace {

using cmdline::json;

constexpr std::string_view schema = "ctdb.config/1";

// Numbers are numbers, unset is null.
json typed(const conf::option& o, const std::string& text) {
    if (text.empty()) {
        return nullptr;
    }
    switch (o.type) {
    case conf::option_type::boolean:
        return text == "true";
    case conf::option_type::integer:
        return std::strtol(text.c_str(), nullptr, 10); // canonical
    case conf::option_type::string:
        break;
    }
    return text;
}

json source_json(const conf::config& settings, const conf::option& o) {
    if (!settings.is_set(o)) {
        return nullptr;
    }
    json source;
    source["file"] = settings.where().config_file();
    source["line"] = settings.line_of(o);
    return source;
}

json option_json(const conf::config& settings, const conf::option& o) {
    json out;
    out["section"] = o.section;
    out["key"] = o.key;
    out["value"] = typed(o, settings.text(o));
    out["default"] = typed(o, conf::default_value(o, settings.where()));
    out["source"] = source_json(settings, o);
    return out;
}

json with_options(json options) {
    json out = cmdline::json_head(schema);
    out["options"] = std::move(options);
    return out;
}

json problem_json(const std::string& file, const conf::diagnostic& d) {
    json out;
    out["file"] = file;
    out["line"] = d.line > 0 ? json(d.line) : json(nullptr);
    out["severity"] = d.level == conf::severity::error ? "error" : "warning";
    out["message"] = d.what;
    out["hint"] = d.expected.empty() ? json(nullptr) : json(d.expected);
    return out;
}

} // namespace

json dump_json(const conf::config& settings, extent which) {
    json options = json::array();
    for (const conf::option* o : conf::all_options()) {
        if (is_shown(settings, *o, which)) {
            options.push_back(option_json(settings, *o));
        }
    }
    return with_options(std::move(options));
}

json get_json(const conf::config& settings, const conf::option& which) {
    json options = json::array();
    options.push_back(option_json(settings, which));
    return with_options(std::move(options));
}

json explain_json(const conf::config& settings, const conf::option& which) {
    json one = option_json(settings, which);
    const option_words words = words_about(which);
    one["explanation"] = which.explanation;
    one["type"] = words.type;
    one["effect"] = words.effect;
    one["since"] = words.since.empty() ? json(nullptr) : json(words.since);
    one["tunable"] = which.tunable.empty() ? json(nullptr) : json(which.tunable);
    json options = json::array();
    options.push_back(std::move(one));
    return with_options(std::move(options));
}

json problems_json(const std::vector<file_findings>& files) {
    json out = cmdline::json_head(schema);
    out["problems"] = json::array();
    for (const file_findings& file : files) {
        for (const conf::diagnostic& d : file.findings) {
            out["problems"].push_back(problem_json(file.name, d));
        }
    }
    return out;
}

} // namespace ctdb::config_tool
