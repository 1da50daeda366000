// Another process with the same tdb file, as ctdbd is for a client: writes a record or keeps its
// chain locked when told so. (libtdb does not open a file twice in one process.)
#pragma once

#include "common/protocol/types_record.hpp"
#include "common/tdb/file.hpp"

#include <csignal>
#include <string>

#include <sys/wait.h>

namespace ctdb::test {

class file_partner {
public:
    enum class order : char { take_dmaster = 'w', lock = 'l', unlock = 'u' };

    // Creates the file. Everything is about one key.
    file_partner(std::string path, bytes key, pnn client) {
        int orders[2];
        int answers[2];
        if (::pipe(orders) != 0 || ::pipe(answers) != 0) {
            std::abort();
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            ::close(orders[1]);
            ::close(answers[0]);
            serve(path, key, client, orders[0], answers[1]);
            ::_exit(0);
        }
        orders_ = unique_fd(orders[1]);
        answers_ = unique_fd(answers[0]);
        ::close(orders[0]);
        ::close(answers[1]);
        wait();
    }
    file_partner(const file_partner&) = delete;
    file_partner& operator=(const file_partner&) = delete;
    ~file_partner() {
        orders_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
    void tell(order what) {
        const char c = static_cast<char>(what);
        if (::write(orders_.get(), &c, 1) == 1) {
            wait();
        }
    }

private:
    void wait() {
        char c = 0;
        if (::read(answers_.get(), &c, 1) != 1) {
            std::abort();
        }
    }
    static void
    serve(const std::string& path, const bytes& key, pnn client, int orders, int answers) {
        tdb::open_options open;
        open.path = path;
        open.creation = tdb::create::if_missing;
        open.hash_size = 7;
        const auto file = tdb::file::open(open);
        if (!file) {
            std::abort();
        }
        char c = 'r';
        while (::write(answers, &c, 1) == 1 && ::read(orders, &c, 1) == 1) {
            obey(**file, static_cast<order>(c), key, client);
        }
    }
    static void obey(tdb::file& file, order what, const bytes& key, pnn client) {
        if (what == order::lock) {
            (void)file.wait_lock_chain(key);
        } else if (what == order::unlock) {
            file.unlock_chain(file.chain_of(key));
        } else {
            protocol::record_header header;
            header.dmaster = client;
            header.rsn = rsn(5);
            (void)file.write(key, protocol::join_header(header, to_bytes("value")));
        }
    }
    pid_t pid_ = -1;
    unique_fd orders_;
    unique_fd answers_;
};

} // namespace ctdb::test
