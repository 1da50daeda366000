// Reads the text of an ini file by Samba's rules (cluster.md 8.1), keeping line numbers and
// spelling. Pure.
//
// `#` and `;` begin a comment only as the first character of a line; runs of blanks count as one;
// `\` at the end of a line continues it; no quoting: everything behind `=` is the value. A line
// without `=`, a section without `]` and an option without a name are errors here; upstream drops
// the whole file silently for them.
#pragma once

#include "common/base/result.hpp"
#include "common/conf/diagnostic.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ctdb::conf {

struct scanned_item {
    enum class kind { section, option };
    kind what = kind::option;
    int line = 0;        // of the first line, when continued
    std::string section; // as written; "" before the first section
    std::string key;     // "" for a section
    std::string value;
};

struct scanned_file {
    std::vector<scanned_item> items; // in the order of the file
    std::vector<diagnostic> findings;
};

[[nodiscard]] scanned_file scan(std::string_view text);

// A whole regular file of at most 1 MiB; ENOENT, EACCES... as the system says, EINVAL for anything
// but a file.
inline constexpr std::size_t file_bytes_max = 1 << 20; // a ctdb.conf has a few KiB
[[nodiscard]] result<std::string> read_text_file(const std::string& path);

} // namespace ctdb::conf
