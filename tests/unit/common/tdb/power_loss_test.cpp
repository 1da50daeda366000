// Power loss in the middle of a persistent update (databases.md I18, I26): everything libtdb writes
// is recorded, and every moment is tried as the last one - with what was synced until then and with
// some or none of what was not. What is not tried: that the file has not grown although a later
// write is there. libtdb's header points to its recovery area before the growth is synced; a file
// system that reorders these leaves a file that does not open and is set aside at the start (12.1
// #11).
#include "common/protocol/record_buffer.hpp"
#include "common/tdb/update.hpp"
#include "tests/unit/common/tdb/support.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <vector>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

struct disk_event {
    enum class kind : std::uint8_t { write, resize, grow, sync } is = kind::write;
    std::size_t at = 0; // resize, grow: the new size
    std::string data;
};
std::vector<disk_event>* recorded = nullptr; // while a recording is under way

void record(disk_event event) {
    if (recorded != nullptr) {
        recorded->push_back(std::move(event));
    }
}

} // namespace

// In the place of the C library's, for libtdb too.
extern "C" ssize_t pwrite(int fd, const void* data, std::size_t size, off_t at) {
    const auto wrote = syscall(SYS_pwrite64, fd, data, size, at);
    if (wrote > 0) {
        const auto done = static_cast<std::size_t>(wrote);
        record({disk_event::kind::write, static_cast<std::size_t>(at), {}});
        if (recorded != nullptr) {
            recorded->back().data.assign(static_cast<const char*>(data), done);
        }
    }
    return wrote;
}

extern "C" int ftruncate(int fd, off_t size) noexcept {
    const auto done = syscall(SYS_ftruncate, fd, size);
    record({disk_event::kind::resize, static_cast<std::size_t>(size), {}});
    return static_cast<int>(done);
}

extern "C" int posix_fallocate(int fd, off_t at, off_t size) {
    const auto done = syscall(SYS_fallocate, fd, 0, at, size);
    record({disk_event::kind::grow, static_cast<std::size_t>(at + size), {}});
    return done == 0 ? 0 : errno;
}

extern "C" int fdatasync(int /*fd*/) { // the disk of the test is never lost
    record({disk_event::kind::sync, 0, {}});
    return 0;
}

namespace ctdb::tdb {
namespace {

using namespace test;

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void carry_out(const disk_event& event, std::string& image) {
    if (event.is == disk_event::kind::resize) {
        image.resize(event.at);
    } else if (event.is == disk_event::kind::grow) {
        image.resize(std::max(image.size(), event.at));
    } else if (event.is == disk_event::kind::write) {
        image.resize(std::max(image.size(), event.at + event.data.size()));
        image.replace(event.at, event.data.size(), event.data);
    }
}

class PowerLoss : public testing::Test {
protected:
    // An update of two records, for which the file has to grow. What the disk sees is in `events`.
    void update(int flags) {
        const std::string path = dir.file("a.tdb.0");
        const auto target = make_file(path, flags | open_flag::no_mmap);
        for (const auto* key : {"one", "two"}) {
            ASSERT_TRUE(target->write(view_of(key), protocol::join_header({}, view_of("old"))));
        }
        protocol::record_buffer_writer change(db_id{1});
        protocol::record_header newer;
        newer.rsn = rsn{1};
        change.append(view_of("one"), newer, view_of("new"));
        change.append(view_of("two"), newer, view_of("new"));
        before = slurp(path);
        recorded = &events;
        const auto done = apply_update(*target, change.view(), missing_keys::create);
        recorded = nullptr;
        ASSERT_TRUE(done) << done.error().what;
        std::string image = before;
        for (const disk_event& event : events) {
            carry_out(event, image);
        }
        ASSERT_TRUE(image == slurp(path)) << "not everything was recorded";
    }

    // "old", "new", or what is wrong with it.
    [[nodiscard]] std::string found_after(const std::string& image) const {
        const std::string path = dir.file("after.tdb");
        std::ofstream(path, std::ios::binary | std::ios::trunc) << image;
        open_options options;
        options.path = path;
        options.flags = persistent_flags;
        const auto opened = file::open(options);
        if (!opened) {
            return opened.error().what;
        }
        if (const auto sound = (*opened)->check(); !sound) {
            return sound.error().what;
        }
        const auto value = [&](const char* key) {
            std::string text = "-";
            const auto read = (*opened)->read(view_of(key), [&text](byte_view stored) {
                text = text_of(protocol::data_after_header(stored));
            });
            return read ? text : read.error().what;
        };
        const std::string one = value("one");
        return one == value("two") ? one : "half a transaction";
    }

    // What may be on the disk when the power goes after so many events.
    [[nodiscard]] std::vector<std::string> images_after(std::size_t count) const {
        std::string synced = before;
        std::size_t first = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (events[i].is == disk_event::kind::sync) {
                for (; first < i; ++first) {
                    carry_out(events[first], synced);
                }
            }
        }
        for (std::size_t i = first; i < count; ++i) {
            if (events[i].is == disk_event::kind::grow) {
                carry_out(events[i], synced);
            }
        }
        std::vector<std::string> images{synced};
        std::string all = synced;
        for (std::size_t some = first; some < count; ++some) {
            carry_out(events[some], all);
            std::string alone = synced;
            carry_out(events[some], alone);
            images.push_back(std::move(alone));
            std::string without = synced;
            for (std::size_t i = first; i < count; ++i) {
                if (i != some) {
                    carry_out(events[i], without);
                }
            }
            images.push_back(std::move(without));
        }
        images.push_back(std::move(all));
        return images;
    }

    // The moments of which the file is neither old nor new.
    [[nodiscard]] std::vector<std::string> bad_moments() const {
        std::vector<std::string> bad;
        for (std::size_t count = 0; count <= events.size(); ++count) {
            for (const std::string& image : images_after(count)) {
                const std::string found = found_after(image);
                const bool may_be = found == "new" || (found == "old" && count < events.size());
                if (!may_be) {
                    bad.push_back(fmt::format("after {} of {}: {}", count, events.size(), found));
                }
            }
        }
        return bad;
    }

    temporary_directory dir;
    std::string before;
    std::vector<disk_event> events;
};

TEST_F(PowerLoss, AtWhateverMomentAnUpdateIsThereOrNotAndOnceAcknowledgedItIs) {
    ASSERT_NO_FATAL_FAILURE(update(persistent_flags));
    ASSERT_GT(events.size(), 5U);
    EXPECT_EQ(bad_moments(), std::vector<std::string>{});
}

TEST_F(PowerLoss, WithoutSyncsThisTestFindsLosses) {
    ASSERT_NO_FATAL_FAILURE(update(persistent_flags | open_flag::no_sync));
    EXPECT_FALSE(bad_moments().empty());
}

} // namespace
} // namespace ctdb::tdb
