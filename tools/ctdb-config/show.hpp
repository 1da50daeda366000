// What ctdb-config prints about settings and options. Pure text.
#pragma once

#include "common/conf/config.hpp"

#include <string>

namespace ctdb::config_tool {

enum class extent { upstream, all };

// `[section]`, then `<tab>key = value`, commented out where it is the default. Extent upstream: the
// options of Debian's release, and any other only where the file gives it - the form that
// upstream's tests compare.
[[nodiscard]] std::string dump(const conf::config& settings, extent which);
[[nodiscard]] bool is_shown(const conf::config& settings, const conf::option& o, extent which);

// Everything the table says about one option.
[[nodiscard]] std::string explain(const conf::option& which, const path::paths& where);
struct option_words {
    std::string type;   // "a number from 2 to 3600"
    std::string effect; // "on reload"
    std::string since;  // "upstream since 4.16"; "" = always there
};
[[nodiscard]] option_words words_about(const conf::option& which);

// A complete ctdb.conf with every option explained and commented out: config/ctdb.conf is this.
[[nodiscard]] std::string sample(const path::paths& where);

// The options as scdoc: ctdb.conf(5) contains this.
[[nodiscard]] std::string manual();

} // namespace ctdb::config_tool
