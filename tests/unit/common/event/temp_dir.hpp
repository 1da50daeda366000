// A directory of its own for one test, removed at its end.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <stdlib.h>

namespace ctdb::test {

class temp_dir {
public:
    temp_dir() {
        std::string pattern = (std::filesystem::temp_directory_path() / "ctdb-event-XXXXXX");
        path_ = ::mkdtemp(pattern.data());
    }
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;
    ~temp_dir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string file(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }
    std::string directory(std::string_view name) const {
        std::filesystem::create_directories(file(name));
        return file(name);
    }
    std::string write(std::string_view name, std::string_view text, bool executable = false) const {
        const std::string where = file(name);
        std::filesystem::create_directories(std::filesystem::path(where).parent_path());
        std::ofstream(where) << text;
        using std::filesystem::perms;
        std::filesystem::permissions(
            where, executable ? perms(0755) : perms(0644), std::filesystem::perm_options::replace
        );
        return where;
    }
    std::string script(std::string_view name, std::string_view body) const {
        return write(name, "#!/bin/sh\n" + std::string(body) + "\n", true);
    }

private:
    std::string path_;
};

} // namespace ctdb::test
