// A configuration directory of its own, and settings read from text.
#pragma once

#include "common/conf/config.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ctdb::conf {

class conf_fixture : public testing::Test {
protected:
    path::paths where;

    void SetUp() override {
        std::string text = (std::filesystem::temp_directory_path() / "ctdb-conf-XXXXXX").string();
        where.etc = ::mkdtemp(text.data());
        where.var = where.etc + "/var";
        where.log = where.etc;
        set_log_sink([this](log_level, std::string_view line) { logged.emplace_back(line); });
        set_log_level(log_level::debug);
    }
    void TearDown() override {
        set_log_sink({});
        set_log_level(log_level::notice);
        std::filesystem::remove_all(where.etc);
    }

    std::vector<std::string> logged;

    void file(const std::string& name, const std::string& text) const {
        std::ofstream(where.etc + "/" + name) << text;
    }
    [[nodiscard]] load_outcome read(std::string_view text) const {
        return load_text(text, where, unknown_options::refuse);
    }
    // What a person sees, without the name of the file.
    [[nodiscard]] static std::vector<std::string> texts(const std::vector<diagnostic>& findings) {
        std::vector<std::string> all;
        for (const diagnostic& d : findings) {
            all.push_back(d.text("F"));
        }
        return all;
    }
};

} // namespace ctdb::conf
