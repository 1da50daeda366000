#include "common/conf/config.hpp"

#include "common/base/ensure.hpp"
#include "common/conf/reader.hpp"
#include "common/conf/scanner.hpp"
#include "common/conf/values.hpp"

namespace ctdb::conf {

config::config(path::paths where) : where_(std::move(where)), file_(where_.config_file()) {}

std::string config::text(const option& which) const {
    const auto found = settings_.find(&which);
    return found == settings_.end() ? default_value(which, where_) : found->second.text;
}

std::string config::get(const string_option& which) const {
    return text(which);
}

int config::get(const integer_option& which) const {
    const std::optional<int> value = parse_integer(text(which)).value;
    ensure(value.has_value()); // the reader and the table test let nothing else in
    return *value;
}

bool config::get(const boolean_option& which) const {
    const std::optional<bool> value = parse_boolean(text(which));
    ensure(value.has_value());
    return *value;
}

bool config::is_set(const option& which) const {
    return settings_.count(&which) != 0;
}

int config::line_of(const option& which) const {
    const auto found = settings_.find(&which);
    return found == settings_.end() ? 0 : found->second.line;
}

std::string config::cluster_lock() const {
    const std::string lock = get(options::cluster_lock);
    return lock.empty() ? get(options::recovery_lock) : lock;
}

log_level config::level() const {
    return parse_log_level(get(options::log_level_name)).value_or(log_level::notice);
}

load_outcome load_text(std::string_view text, const path::paths& where, unknown_options unknown) {
    config_reader reader(where, unknown);
    return reader.read(scan(text));
}

load_outcome load(const path::paths& where, unknown_options unknown, missing_file missing) {
    const result<std::string> text = read_text_file(where.config_file());
    if (text) {
        return load_text(*text, where, unknown);
    }
    load_outcome out;
    if (text.error().code == ENOENT && missing == missing_file::is_default) {
        out.settings = config(where);
        return out;
    }
    out.code = text.error().code;
    diagnostic unreadable;
    unreadable.what = text.error().what;
    out.findings.push_back(std::move(unreadable));
    return out;
}

result<config> load_for_daemon(const path::paths& where) {
    load_outcome loaded = load(where, unknown_options::warn, missing_file::is_default);
    log_findings(where.config_file(), loaded.findings);
    if (!loaded.settings) {
        return fail(loaded.code, "Failed to load config file {}", where.config_file());
    }
    return std::move(*loaded.settings);
}

std::vector<const option*> changes_needing_restart(const config& running, const config& loaded) {
    std::vector<const option*> changed;
    for (const option* each : all_options()) {
        if (each->effect == takes_effect::at_start && running.text(*each) != loaded.text(*each)) {
            changed.push_back(each);
        }
    }
    return changed;
}

} // namespace ctdb::conf
