// The settings of one process: every option of ctdb.conf with its value, where it came from, and
// what was wrong.
//
// A config is an immutable value. A reload loads a new one and replaces the old if there was no
// error, so that a value can never depend on what was set before.
#pragma once

#include "common/base/log.hpp"
#include "common/base/result.hpp"
#include "common/conf/diagnostic.hpp"
#include "common/conf/option.hpp"
#include "common/conf/options.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ctdb::conf {

class config {
public:
    // All defaults.
    explicit config(path::paths where);

    [[nodiscard]] std::string get(const string_option& which) const; // "" = unset
    [[nodiscard]] int get(const integer_option& which) const;
    [[nodiscard]] bool get(const boolean_option& which) const;

    // For what is not known at compile time (tools, scripts' options): canonical text - true/false,
    // decimal.
    [[nodiscard]] std::string text(const option& which) const;
    [[nodiscard]] bool is_set(const option& which) const; // given in the file
    [[nodiscard]] int line_of(const option& which) const; // 0 = default

    // Asked for so often that the rule has a name: `cluster lock`, else `recovery lock`, else "".
    [[nodiscard]] std::string cluster_lock() const;
    [[nodiscard]] log_level level() const; // [logging] log level

    [[nodiscard]] const std::string& file() const { return file_; }
    [[nodiscard]] const path::paths& where() const { return where_; }

private:
    friend class config_reader;
    struct setting {
        std::string text; // canonical
        int line = 0;
    };
    path::paths where_;
    std::string file_;
    std::map<const option*, setting> settings_; // only what the file gives
};

enum class unknown_options { warn, refuse };
enum class missing_file { is_default, is_error };

struct load_outcome {
    std::optional<config> settings; // only without errors
    std::vector<diagnostic> findings;
    int code = 0; // 0, EINVAL, or why the file could not be read
};

// Reads and checks <etc>/ctdb.conf.
[[nodiscard]] load_outcome
load(const path::paths& where, unknown_options unknown, missing_file missing);

// The same for text already read (`file` is only named in findings).
[[nodiscard]] load_outcome
load_text(std::string_view text, const path::paths& where, unknown_options unknown);

// For daemons, at start and on reload: unknown options are warned about, a missing file means
// defaults. Every finding is logged as FILE:LINE; the error says how many there were.
[[nodiscard]] result<config> load_for_daemon(const path::paths& where);

// Options that differ and only count at start: what a reload logs as ignored.
[[nodiscard]] std::vector<const option*>
changes_needing_restart(const config& running, const config& loaded);

} // namespace ctdb::conf
