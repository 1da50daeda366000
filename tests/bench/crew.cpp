#include "crew.hpp"

#include "common/base/ensure.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ctdb::bench {

using async::time_point;

struct crew_board {
    std::atomic<unsigned> ready = 0;
    std::atomic<std::int64_t> from = 0; // of the measured time, ns of the clock; 0: not begun
    std::atomic<std::uint64_t> moves = 0;
    std::int64_t how_long_ns = 0;
    std::span<times> of_workers; // behind this object
};

namespace {

constexpr auto warm_up = std::chrono::seconds(1);
constexpr auto patience = std::chrono::seconds(60); // until all are ready, and until all have ended
constexpr auto poll_interval = std::chrono::milliseconds(1);
constexpr int failed_status = 3;

std::int64_t ns_of(time_point t) {
    return std::chrono::nanoseconds(t.time_since_epoch()).count();
}

struct unmap {
    std::size_t size = 0;
    void operator()(crew_board* board) const { munmap(board, size); }
};
using shared_board = std::unique_ptr<crew_board, unmap>;

result<shared_board> make_board(unsigned count, std::chrono::seconds how_long) {
    const std::size_t size = sizeof(crew_board) + alignof(times) + count * sizeof(times);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return fail(errno, "mmap: {}", std::strerror(errno));
    }
    auto* board = std::construct_at(static_cast<crew_board*>(memory));
    board->how_long_ns = std::chrono::nanoseconds(how_long).count();
    void* behind = board + 1;
    std::size_t left = size - sizeof(crew_board);
    auto* first = static_cast<times*>(std::align(alignof(times), sizeof(times), behind, left));
    std::uninitialized_value_construct_n(first, count);
    board->of_workers = {first, count};
    return shared_board(board, unmap{size});
}

// The processes; whatever is left of them is killed.
class processes {
public:
    processes() = default;
    processes(const processes&) = delete;
    processes& operator=(const processes&) = delete;
    ~processes() {
        for (const pid_t pid : running_) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
    }
    void add(pid_t pid) { running_.push_back(pid); }
    [[nodiscard]] bool none() const { return running_.empty(); }
    // False: one of those that have ended has failed.
    bool reap() {
        bool good = true;
        std::erase_if(running_, [&good](pid_t pid) {
            int status = 0;
            const bool ended = waitpid(pid, &status, WNOHANG) == pid;
            good = good && (!ended || status == 0);
            return ended;
        });
        return good;
    }

private:
    std::vector<pid_t> running_;
};

[[noreturn]] void run_worker(crew_board& board, unsigned index, unsigned count, const auto& job) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    worker me(board, index, count);
    const auto done = job(me);
    if (!done) {
        fmt::print(stderr, "client {}: {}\n", index, done.error().what);
    }
    _exit(done ? 0 : failed_status);
}

// Polls until the condition holds.
result<> wait_while(processes& all, time_point deadline, const auto& condition) {
    while (condition()) {
        if (!all.reap()) {
            return fail(EIO, "a client failed");
        }
        if (async::clock::now() >= deadline) {
            return fail(ETIMEDOUT, "clients are not ready or do not end");
        }
        std::this_thread::sleep_for(poll_interval);
    }
    return {};
}

} // namespace

result<> worker::wait_for_start() {
    const time_point deadline = async::clock::now() + patience;
    board_.ready.fetch_add(1);
    while (board_.from.load() == 0) {
        if (async::clock::now() >= deadline) {
            return fail(ETIMEDOUT, "nobody says that it begins");
        }
        std::this_thread::sleep_for(poll_interval);
    }
    return {};
}

bool worker::over() const {
    return ns_of(async::clock::now()) >= board_.from.load() + board_.how_long_ns;
}

void worker::add(time_point begun, time_point ended, bool moved) {
    const std::int64_t from = board_.from.load();
    if (ns_of(begun) >= from && ns_of(ended) <= from + board_.how_long_ns) {
        board_.of_workers[index_].add(ended - begun);
        board_.moves.fetch_add(moved ? 1 : 0);
    }
}

result<crew_figures> run_crew(
    unsigned count, std::chrono::seconds how_long, const std::function<result<>(worker&)>& job
) {
    const auto board = make_board(count, how_long);
    if (!board) {
        return pass(board);
    }
    processes all;
    for (unsigned i = 0; i < count; ++i) {
        const pid_t pid = fork();
        if (pid < 0) {
            return fail(errno, "fork: {}", std::strerror(errno));
        }
        if (pid == 0) {
            run_worker(**board, i, count, job);
        }
        all.add(pid);
    }
    const auto not_ready = [&] { return (*board)->ready.load() < count; };
    if (const auto ready = wait_while(all, async::clock::now() + patience, not_ready); !ready) {
        return pass(ready);
    }
    (*board)->from = ns_of(async::clock::now() + warm_up);
    const time_point end = async::clock::now() + warm_up + how_long + patience;
    const auto running = [&] { return !all.none(); };
    if (const auto ended = wait_while(all, end, running); !ended) {
        return pass(ended);
    }
    crew_figures sum;
    sum.moves = (*board)->moves;
    for (const times& one : (*board)->of_workers) {
        sum.steps.add(one);
    }
    return sum;
}

} // namespace ctdb::bench
