// change_watch: calls back from the loop when a link or an address of this network namespace has
// changed. Does not say which: look for yourself.
#pragma once

#include "common/async/fd_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <functional>
#include <memory>

namespace ctdb::netlink {

class change_watch {
public:
    static result<std::unique_ptr<change_watch>>
    start(async::event_loop& loop, std::function<void()> changed);
    change_watch(const change_watch&) = delete;
    change_watch& operator=(const change_watch&) = delete;
    ~change_watch() = default;

private:
    change_watch(async::event_loop& loop, unique_fd fd, std::function<void()> changed);
    void drain();
    unique_fd fd_;
    std::function<void()> changed_;
    async::fd_watch watch_;
};

} // namespace ctdb::netlink
