// tdb-test-client PATH FLAGS: a process that uses a database file as Samba's do: opens it itself
// and locks, reads and writes on command. One command a line on stdin, one answer a line on stdout.
//
//   lock KEY | trylock KEY | unlock KEY | lockall | unlockall   ok, busy or error
//   read KEY                                                    the value, - if there is none
//   store KEY VALUE | erase KEY                                 ok or error
//   add KEY N                                                   raises a number N times, locked
//   begin | commit                                              a transaction
//   seqnum                                                      the number
#include "common/tdb/libtdb.hpp"

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include <fcntl.h>
#include <sys/prctl.h>

namespace {

TDB_DATA raw(std::string& text) {
    return {reinterpret_cast<unsigned char*>(text.data()), text.size()};
}

std::string fetch(tdb_context* file, std::string key) {
    const TDB_DATA value = tdb_fetch(file, raw(key));
    if (value.dptr == nullptr) {
        return "-";
    }
    std::string text(reinterpret_cast<const char*>(value.dptr), value.dsize);
    std::free(value.dptr);
    return text;
}

bool add_one(tdb_context* file, std::string key) {
    if (tdb_chainlock(file, raw(key)) != 0) {
        return false;
    }
    std::string value = std::to_string(std::strtol(fetch(file, key).c_str(), nullptr, 10) + 1);
    const bool stored = tdb_store(file, raw(key), raw(value), 0) == 0;
    return tdb_chainunlock(file, raw(key)) == 0 && stored;
}

std::string ok_if(bool done) {
    return done ? "ok" : "error";
}

std::string serve(tdb_context* file, const std::string& line) {
    std::istringstream words(line);
    std::string command;
    std::string key;
    std::string value;
    words >> command >> key >> value;
    if (command == "lock") {
        return ok_if(tdb_chainlock(file, raw(key)) == 0);
    }
    if (command == "trylock") {
        return tdb_chainlock_nonblock(file, raw(key)) == 0 ? "ok" : "busy";
    }
    if (command == "unlock") {
        return ok_if(tdb_chainunlock(file, raw(key)) == 0);
    }
    if (command == "lockall") {
        return ok_if(tdb_lockall(file) == 0);
    }
    if (command == "unlockall") {
        return ok_if(tdb_unlockall(file) == 0);
    }
    if (command == "read") {
        return fetch(file, key);
    }
    if (command == "store") {
        return ok_if(tdb_store(file, raw(key), raw(value), 0) == 0);
    }
    if (command == "erase") {
        return ok_if(tdb_delete(file, raw(key)) == 0);
    }
    if (command == "add") {
        bool done = true;
        for (long left = std::strtol(value.c_str(), nullptr, 10); left > 0 && done; --left) {
            done = add_one(file, key);
        }
        return ok_if(done);
    }
    if (command == "begin") {
        return ok_if(tdb_transaction_start(file) == 0);
    }
    if (command == "commit") {
        return ok_if(tdb_transaction_commit(file) == 0);
    }
    if (command == "seqnum") {
        return std::to_string(tdb_get_seqnum(file));
    }
    return "unknown";
}

} // namespace

int main(int argc, char** argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 3) {
        return 2;
    }
    const int flags = static_cast<int>(std::strtol(argv[2], nullptr, 0));
    tdb_context* file = tdb_open(argv[1], 0, flags, O_RDWR, 0);
    std::cout << (file == nullptr ? "error" : "open") << std::endl;
    if (file == nullptr) {
        return 1;
    }
    for (std::string line; std::getline(std::cin, line);) {
        std::cout << serve(file, line) << std::endl;
    }
    tdb_close(file);
    return 0;
}
