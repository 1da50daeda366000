#include "common/conf/reader.hpp"

#include "common/conf/values.hpp"

#include <algorithm>

namespace ctdb::conf {

namespace {

std::vector<std::string_view> section_names() {
    std::vector<std::string_view> names;
    for (const option* each : all_options()) {
        if (names.empty() || names.back() != each->section) {
            names.push_back(each->section);
        }
    }
    return names;
}

std::vector<std::string_view> keys_of(std::string_view section) {
    std::vector<std::string_view> keys;
    for (const option* each : all_options()) {
        if (find_option(section, each->key) == each) {
            keys.push_back(each->key);
        }
    }
    return keys;
}

std::string did_you_mean(std::string_view name) {
    return name.empty() ? std::string() : fmt::format("did you mean \"{}\"?", name);
}

// "auto|yes|no" contains "yes".
bool is_choice(std::string_view choices, std::string_view value) {
    while (!choices.empty()) {
        const std::size_t end = std::min(choices.find('|'), choices.size());
        if (choices.substr(0, end) == value) {
            return true;
        }
        choices.remove_prefix(std::min(end + 1, choices.size()));
    }
    return false;
}

std::string upstream_failed(const option& which) {
    return fmt::format("conf: validation for option \"{}\" failed", which.key);
}

} // namespace

config_reader::config_reader(const path::paths& where, unknown_options unknown)
    : config_(where), unknown_(unknown) {}

load_outcome config_reader::read(scanned_file file) {
    findings_ = std::move(file.findings);
    for (const scanned_item& each : file.items) {
        item(each);
    }
    std::stable_sort(
        findings_.begin(),
        findings_.end(),
        [](const diagnostic& a, const diagnostic& b) { return a.line < b.line; }
    );
    load_outcome out;
    if (has_errors(findings_)) {
        out.code = EINVAL;
    } else {
        out.settings = std::move(config_);
    }
    out.findings = std::move(findings_);
    return out;
}

diagnostic& config_reader::add(severity level, int line, std::string what, std::string expected) {
    diagnostic d;
    d.level = level;
    d.line = line;
    d.what = std::move(what);
    d.expected = std::move(expected);
    findings_.push_back(std::move(d));
    return findings_.back();
}

void config_reader::item(const scanned_item& each) {
    if (each.what == scanned_item::kind::section) {
        section(each);
        return;
    }
    const option* which = find_option(each.section, each.key);
    if (which == nullptr) {
        unknown_option(each);
    } else {
        known_option(*which, each);
    }
}

void config_reader::section(const scanned_item& each) {
    if (is_section(each.section)) {
        return;
    }
    const auto level = unknown_ == unknown_options::refuse ? severity::error : severity::warning;
    add(level,
        each.line,
        fmt::format("unknown section [{}]", each.section),
        did_you_mean(closest(each.section, section_names())))
        .upstream = {fmt::format("conf: unknown section [{}]", each.section)};
}

void config_reader::unknown_option(const scanned_item& each) {
    const auto level = unknown_ == unknown_options::refuse ? severity::error : severity::warning;
    if (!is_section(each.section)) {
        add(level,
            each.line,
            each.section.empty()
                ? fmt::format("option \"{}\" stands before any section", each.key)
                : fmt::format("option \"{}\" in unknown section [{}]", each.key, each.section),
            "")
            .upstream = {fmt::format("conf: unknown section for option \"{}\"", each.key)};
        return;
    }
    add(level,
        each.line,
        fmt::format("unknown option [{}] {}", each.section, each.key),
        did_you_mean(closest(each.key, keys_of(each.section))))
        .upstream = {fmt::format("conf: unknown option [{}] -> \"{}\"", each.section, each.key)};
}

void config_reader::known_option(const option& which, const scanned_item& each) {
    if (each.value.empty()) {
        add(severity::error,
            each.line,
            fmt::format("[{}] {} has no value", which.section, which.key),
            "expected a value, or the line left out")
            .upstream = {fmt::format("conf: empty value [{}] -> \"{}\"", each.section, each.key)};
        return;
    }
    std::optional<std::string> canonical = check_type(which, each);
    if (!canonical) {
        return;
    }
    if (which.check != nullptr) {
        if (auto refused = which.check(which, *canonical, config_.where())) {
            diagnostic& d = add(severity::error, each.line, refused->what, refused->expected);
            if (!refused->upstream.empty()) {
                d.upstream.push_back(refused->upstream);
            }
            d.upstream.push_back(upstream_failed(which));
            return;
        }
    }
    accept(which, each, std::move(*canonical));
}

void config_reader::accept(const option& which, const scanned_item& each, std::string canonical) {
    if (const int before = config_.line_of(which); before != 0) {
        add(severity::warning,
            each.line,
            fmt::format("[{}] {} again, instead of line {}", which.section, which.key, before),
            "expected it once");
    }
    if (!which.replaced_by.empty()) {
        add(severity::warning,
            each.line,
            fmt::format("[{}] {} is deprecated", which.section, which.key),
            fmt::format("use \"{}\"", which.replaced_by))
            .upstream = {
            fmt::format("Configuration option [{}] -> {} is deprecated", which.section, which.key)};
    }
    config_.settings_[&which] = {std::move(canonical), each.line};
}

std::optional<std::string>
config_reader::check_type(const option& which, const scanned_item& each) {
    switch (which.type) {
    case option_type::integer:
        return check_number(which, each);
    case option_type::boolean: {
        const std::optional<bool> value = parse_boolean(each.value);
        if (!value) {
            bad_value(which, each, "expected true, yes, false or no");
            return std::nullopt;
        }
        return *value ? "true" : "false";
    }
    case option_type::string:
        break;
    }
    if (!which.choices.empty() && !is_choice(which.choices, each.value)) {
        bad_value(which, each, fmt::format("expected {}", which.choices));
        return std::nullopt;
    }
    return each.value;
}

std::optional<std::string>
config_reader::check_number(const option& which, const scanned_item& each) {
    const parsed_integer number = parse_integer(each.value);
    if (!number.value || *number.value < which.minimum || *number.value > which.maximum) {
        bad_value(
            which,
            each,
            fmt::format("expected a number from {} to {}", which.minimum, which.maximum)
        );
        return std::nullopt;
    }
    if (number.sloppy) {
        add(severity::warning,
            each.line,
            fmt::format(
                "[{}] {} = {} is read as {}", which.section, which.key, each.value, *number.value
            ),
            "expected a number and nothing else");
    }
    return std::to_string(*number.value);
}

void config_reader::bad_value(const option& which, const scanned_item& each, std::string expected) {
    add(severity::error,
        each.line,
        fmt::format("[{}] {} = {}", which.section, which.key, each.value),
        std::move(expected))
        .upstream = {fmt::format(
        "conf: invalid value [{}] -> \"{}\" = \"{}\"", each.section, each.key, each.value
    )};
}

} // namespace ctdb::conf
