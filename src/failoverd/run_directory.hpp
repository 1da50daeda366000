// Files between failoverd and the scripts of component failover: one item a line, `ITEM WORDS`
// (failover.md 15.4). An absent file is an empty list; written to another name and renamed.
#pragma once

#include "common/base/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ctdb::failoverd {

struct item_line {
    std::string name;
    std::vector<std::string> words;
    // VALUE of the word `KEY=VALUE`; "" if there is none.
    [[nodiscard]] std::string value(std::string_view key) const;
    bool operator==(const item_line&) const = default;
};

[[nodiscard]] std::vector<item_line> parse_items(std::string_view text);
[[nodiscard]] std::string format_items(const std::vector<item_line>& lines);

[[nodiscard]] result<std::vector<item_line>> read_items(const std::string& file);
[[nodiscard]] result<> write_items(const std::string& file, const std::vector<item_line>& lines);
[[nodiscard]] result<> write_text(const std::string& file, std::string_view text);
// As write_text(), on disk before it returns.
[[nodiscard]] result<> write_durably(const std::string& file, std::string_view text);
[[nodiscard]] std::vector<std::string> split_at(std::string_view text, char separator);

// <run>/failover/<name>, mode 0700; made if it is not there.
[[nodiscard]] result<std::string> make_run_directory(const std::string& run, std::string_view name);
// Removes all but the newest `keep` directories of runs (names that sort).
void forget_old_runs(const std::string& run, std::size_t keep);

} // namespace ctdb::failoverd
