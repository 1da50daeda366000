// Running the real loop until something has happened, five seconds at most.
#pragma once

#include "common/async/event_loop.hpp"

#include <functional>
#include <string>

#include <stdlib.h>

namespace ctdb::test {

inline bool run_until(async::event_loop& loop, const std::function<bool()>& done) {
    bool expired = false;
    async::timer limit(loop, [&expired] { expired = true; });
    limit.arm_in(std::chrono::seconds(5));
    while (!done() && !expired) {
        loop.run_once();
    }
    return done();
}

class temp_dir {
public:
    temp_dir() {
        char name[] = "/tmp/ctdb-test-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;
    ~temp_dir() {
        for (const std::string& name : names_) {
            ::unlink(name.c_str());
        }
        ::rmdir(path_.c_str());
    }
    std::string file(const std::string& name) {
        names_.push_back(path_ + "/" + name);
        return names_.back();
    }

private:
    std::string path_;
    std::vector<std::string> names_;
};

} // namespace ctdb::test
