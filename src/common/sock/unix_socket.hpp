// Unix stream sockets: connecting, listening in safety, who is at the other end.
//
// Descriptors are non-blocking and close-on-exec. A path longer than the kernel takes (107 bytes)
// is ENAMETOOLONG.
#pragma once

#include "common/async/event_loop.hpp"
#include "common/async/fd_watch.hpp"
#include "common/base/result.hpp"
#include "common/base/unique_fd.hpp"

#include <functional>
#include <memory>
#include <string>

#include <sys/types.h>

namespace ctdb::sock {

// ENOENT, ECONNREFUSED: nobody there. EAGAIN: its queue of new connections is full; try later.
[[nodiscard]] result<unique_fd> connect_unix(const std::string& path);

struct peer_credentials {
    pid_t pid = 0; // 0: unknown
    uid_t uid = 0;
    gid_t gid = 0;
};
[[nodiscard]] result<peer_credentials> credentials_of(int fd);

// Listens at `path`, mode 0700. A socket that nobody answers at is replaced; EADDRINUSE if somebody
// does, EEXIST if the path is not a socket. The destructor removes the path if it is still ours.
class unix_listener {
public:
    using accept_handler = std::function<void(unique_fd connected, peer_credentials peer)>;

    static result<std::unique_ptr<unix_listener>>
    listen(async::event_loop& loop, std::string path, accept_handler on_accept);
    unix_listener(const unix_listener&) = delete;
    unix_listener& operator=(const unix_listener&) = delete;
    ~unix_listener();

    void pause(bool paused); // while paused, new connections wait in the kernel
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    unix_listener(
        async::event_loop& loop, std::string path, unique_fd listening, accept_handler on_accept
    );
    void accept_some();
    void no_descriptors(int code);

    std::string path_;
    unique_fd fd_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    async::callback<unique_fd, peer_credentials> on_accept_;
    bool paused_ = false;
    bool* gone_ = nullptr; // set by the destructor while the handler runs
    async::timer retry_;   // after running out of descriptors
    async::fd_watch watch_;
};

} // namespace ctdb::sock
