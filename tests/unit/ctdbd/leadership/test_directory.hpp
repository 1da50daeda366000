// A directory of the test's own, and small programs in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace ctdb::testing_support {

class test_directory {
public:
    test_directory() {
        std::string pattern = std::filesystem::temp_directory_path() / "ctdb-lock-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    test_directory(const test_directory&) = delete;
    test_directory& operator=(const test_directory&) = delete;
    ~test_directory() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    // An executable shell script.
    [[nodiscard]] std::string script(const std::string& name, const std::string& body) const {
        const std::string path = file(name);
        std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }

private:
    std::string path_;
};

inline const std::string keeper_program = CTDB_BUILD_DIR "/bin/ctdb-lock-keeper";
inline const std::string fcntl_program = CTDB_BUILD_DIR "/bin/ctdb_mutex_fcntl_helper";

} // namespace ctdb::testing_support
