// Scanned items against the option table -> a config, or why not. Used by load() only.
#pragma once

#include "common/conf/config.hpp"
#include "common/conf/scanner.hpp"

namespace ctdb::conf {

class config_reader {
public:
    config_reader(const path::paths& where, unknown_options unknown);

    // Once per object.
    [[nodiscard]] load_outcome read(scanned_file file);

private:
    config config_;
    unknown_options unknown_;
    std::vector<diagnostic> findings_;

    void item(const scanned_item& each);
    void section(const scanned_item& each);
    void unknown_option(const scanned_item& each);
    void known_option(const option& which, const scanned_item& each);
    void accept(const option& which, const scanned_item& each, std::string canonical);

    // Canonical text of a value of the right type and range.
    [[nodiscard]] std::optional<std::string>
    check_type(const option& which, const scanned_item& each);
    [[nodiscard]] std::optional<std::string>
    check_number(const option& which, const scanned_item& each);
    void bad_value(const option& which, const scanned_item& each, std::string expected);

    diagnostic& add(severity level, int line, std::string what, std::string expected);
};

} // namespace ctdb::conf
