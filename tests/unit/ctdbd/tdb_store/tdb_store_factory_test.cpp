#include "ctdbd/database/tdb_store/tdb_store_factory.hpp"
#include "tests/unit/ctdbd/tdb_store/store_fixture.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace ctdb::ctdbd {
namespace {

using namespace test;
namespace fs = std::filesystem;
using kind = store_spec::kind;

class Factory : public testing::Test {
protected:
    node_files node;

    void write_records(const std::string& name, kind is, int count = 50) {
        const auto store = node.open(name, is);
        for (int i = 0; i < count; ++i) {
            const std::string key = "key" + std::to_string(i);
            const auto locked = store->try_lock(view_of(key));
            ASSERT_TRUE(locked && *locked == lock_state::locked);
            ASSERT_TRUE(store->write(view_of(key), raw_value(1, "value")));
            store->unlock(view_of(key));
        }
    }
    static std::size_t records_in(local_store& store) {
        std::size_t count = 0;
        walk_position position;
        while (store.walk(
                        position, 100, [&](byte_view, byte_view) { ++count; }
               ).value_or(walk_state::finished) == walk_state::more) {
        }
        return count;
    }
    static void damage(const std::string& path, std::streamoff from_end) {
        std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
        raw.seekp(-from_end, std::ios::end);
        raw << std::string(500, '\xff');
    }
    [[nodiscard]] std::vector<std::string> files_in(const std::string& directory) const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(node.dir.file(directory))) {
            names.push_back(entry.path().filename());
        }
        std::sort(names.begin(), names.end());
        return names;
    }
    // p.tdb opens empty and unhealthy; the damaged file of `size` lies beside it.
    void expect_kept_aside(std::uintmax_t size) {
        const auto store = node.open("p.tdb", kind::persistent);
        EXPECT_EQ(records_in(*store), 0u);
        EXPECT_NE(node.factory->health("p.tdb"), "");
        const auto files = files_in("persistent");
        ASSERT_EQ(files.size(), 2u);
        EXPECT_EQ(fs::file_size(node.dir.file("persistent/" + files[1])), size);
    }
};

TEST_F(Factory, OpensEachKindWithTheFlagsAndInThePlaceSambaExpects) {
    node.start();
    const auto v = node.open("v.tdb", kind::volatile_db);
    const auto r = node.open("r.tdb", kind::replicated);
    const auto p = node.open("p.tdb", kind::persistent);
    EXPECT_EQ(v->path(), node.dir.file("volatile/v.tdb.3"));
    EXPECT_EQ(r->path(), node.dir.file("volatile/r.tdb.3"));
    EXPECT_EQ(p->path(), node.dir.file("persistent/p.tdb.3"));
    EXPECT_EQ(v->open_flags(), tdb::robust_mutexes_work() ? 0x1c41 : 0xc41);
    EXPECT_EQ(r->open_flags(), 0xc41);
    EXPECT_EQ(p->open_flags(), 0x400);
    for (const auto* store : {v.get(), r.get(), p.get()}) {
        struct stat found {};
        ASSERT_EQ(stat(store->path().c_str(), &found), 0);
        EXPECT_EQ(found.st_mode & 0777u, 0600u);
    }
}

TEST_F(Factory, UsesFcntlLocksWhenMutexesAreSwitchedOff) {
    node.start(false);
    EXPECT_EQ(node.open("v.tdb", kind::volatile_db)->open_flags(), 0xc41);
}

TEST_F(Factory, VolatileDatabasesStartEmptyAndPersistentOnesKeepTheirRecords) {
    node.start();
    write_records("v.tdb", kind::volatile_db);
    write_records("r.tdb", kind::replicated);
    write_records("p.tdb", kind::persistent);
    EXPECT_EQ(records_in(*node.open("v.tdb", kind::volatile_db)), 0u);
    EXPECT_EQ(records_in(*node.open("r.tdb", kind::replicated)), 0u);
    EXPECT_EQ(records_in(*node.open("p.tdb", kind::persistent)), 50u);
    EXPECT_EQ(node.factory->health("p.tdb"), "");
}

TEST_F(Factory, VolatileFileThatAStaleProcessHasOpenIsMovedAside) {
    node.start();
    auto store = node.open("v.tdb", kind::volatile_db);
    client stale(store->path(), store->open_flags());
    ASSERT_EQ(stale.ask("store k old"), "ok");
    ASSERT_EQ(stale.ask("lock k"), "ok");
    store.reset();
    store = node.open("v.tdb", kind::volatile_db);
    EXPECT_EQ(records_in(*store), 0u);
    EXPECT_EQ(stale.ask("read k"), "old"); // still valid for it
    EXPECT_EQ(files_in("volatile"), (std::vector<std::string>{"v.tdb.3", "v.tdb.3.stale"}));
    store.reset();
    stale.kill();
    store = node.open("v.tdb", kind::volatile_db);
    EXPECT_EQ(files_in("volatile"), std::vector<std::string>{"v.tdb.3"});
}

TEST_F(Factory, CorruptPersistentDatabaseIsKeptAsideMarkedAndReplacedByAnEmptyOne) {
    node.start();
    write_records("p.tdb", kind::persistent);
    const std::string path = node.dir.file("persistent/p.tdb.3");
    ASSERT_EQ(chmod(path.c_str(), 0644), 0); // as Samba may have done
    damage(path, 1000);
    const auto store = node.open("p.tdb", kind::persistent);
    EXPECT_EQ(records_in(*store), 0u);
    const auto files = files_in("persistent");
    ASSERT_EQ(files.size(), 2u);
    EXPECT_EQ(files[0], "p.tdb.3");
    EXPECT_THAT(files[1], testing::MatchesRegex("p\\.tdb\\.3\\.corrupted\\.[0-9]+\\.0Z"));
    EXPECT_EQ(files[1].size(), std::string("p.tdb.3.corrupted.20260101000000.0Z").size());
    EXPECT_EQ(
        node.factory->health("p.tdb"),
        "ERROR - Backup of corrupted TDB in '" + node.dir.file("persistent/" + files[1]) + "'"
    );
    struct stat found {};
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777u, 0644u);
    EXPECT_EQ(node.factory->find_persistent().value(), std::vector<std::string>{"p.tdb"});
}

TEST_F(Factory, PersistentFileWithADestroyedHeaderIsNotSilentlyOverwritten) {
    node.start();
    write_records("p.tdb", kind::persistent);
    const std::string path = node.dir.file("persistent/p.tdb.3");
    {
        std::fstream raw(path, std::ios::in | std::ios::out | std::ios::binary);
        raw << "garbage";
    }
    const auto size = fs::file_size(path);
    expect_kept_aside(size);
}

// What a power loss may leave where the file system reorders: the header knows of more than there
// is.
TEST_F(Factory, PersistentFileThatLostItsGrowthIsKeptAside) {
    node.start();
    write_records("p.tdb", kind::persistent);
    const std::string path = node.dir.file("persistent/p.tdb.3");
    const auto size = fs::file_size(path) / 2;
    fs::resize_file(path, size);
    expect_kept_aside(size);
}

TEST_F(Factory, PersistentFileOfSizeZeroIsANewDatabase) {
    node.start();
    std::ofstream(node.dir.file("persistent/p.tdb.3")).flush();
    EXPECT_EQ(records_in(*node.open("p.tdb", kind::persistent)), 0u);
    EXPECT_EQ(node.factory->health("p.tdb"), "");
    EXPECT_EQ(files_in("persistent").size(), 1u);
}

TEST_F(Factory, CommitLeftHalfWayByADyingProcessIsFinishedOrUndone) {
    node.start();
    auto store = node.open("p.tdb", kind::persistent);
    client user(store->path(), store->open_flags());
    ASSERT_EQ(user.ask("store k old"), "ok");
    ASSERT_EQ(user.ask("begin"), "ok");
    ASSERT_EQ(user.ask("store k new"), "ok");
    user.kill();
    store.reset();
    store = node.open("p.tdb", kind::persistent);
    EXPECT_EQ(node.factory->health("p.tdb"), "");
    ASSERT_TRUE(store->try_lock(view_of("k")));
    std::string found;
    ASSERT_TRUE(store->read(view_of("k"), [&](byte_view v) { found = text_of(v); }));
    EXPECT_EQ(found, "old");
    store->unlock(view_of("k"));
}

TEST_F(Factory, HealthSurvivesARestartAndIsClearedByName) {
    node.start();
    ASSERT_TRUE(node.factory->set_health("a.tdb", "why"));
    ASSERT_TRUE(node.factory->set_health("b.tdb", "also"));
    ASSERT_TRUE(node.factory->set_health("b.tdb", ""));
    node.factory.reset();
    {
        const auto raw = make_file(node.dir.file("state/persistent_health.tdb.3"), 0x400);
        EXPECT_EQ(value_of(*raw, "a.tdb"), "why"); // no NUL in either
        EXPECT_EQ(value_of(*raw, "b.tdb"), "-");
    }
    node.start();
    EXPECT_EQ(node.factory->health("a.tdb"), "why");
    EXPECT_EQ(node.factory->health("b.tdb"), "");
}

TEST_F(Factory, CorruptHealthDatabaseDoesNotKeepTheNodeDown) {
    node.start();
    ASSERT_TRUE(node.factory->set_health("a.tdb", "why"));
    node.factory.reset();
    std::ofstream(node.dir.file("state/persistent_health.tdb.3")) << std::string(5000, 'x');
    node.start();
    EXPECT_EQ(node.factory->health("a.tdb"), "");
    EXPECT_TRUE(node.factory->set_health("a.tdb", "again"));
    EXPECT_EQ(files_in("state").size(), 2u);
}

TEST_F(Factory, FindsThePersistentDatabasesOfThisNodeOnly) {
    node.start();
    for (const char* name :
         {"b.tdb.3",
          "a.b.tdb.3",
          "c.tdb.4",
          "d.tdb.03",
          "e.db.3",
          ".tdb.3",
          "f.tdb",
          "g.tdb.x3",
          "persistent_health.tdb.3",
          "h.tdb.3.corrupted.20260101000000.0Z",
          "README"}) {
        std::ofstream(node.dir.file(std::string("persistent/") + name)).flush();
    }
    EXPECT_EQ(
        node.factory->find_persistent().value(), (std::vector<std::string>{"a.b.tdb", "b.tdb"})
    );
}

TEST_F(Factory, RefusesNamesThatAreNoFileNamesAndSecondOpenings) {
    node.start();
    for (const std::string& name :
         {std::string("../x.tdb"), std::string("a/b"), std::string("a\0b", 3)}) {
        store_spec spec;
        spec.name = name;
        const auto opened = node.factory->open(spec);
        ASSERT_FALSE(opened) << name;
        EXPECT_EQ(opened.error().code, EINVAL);
    }
    store_spec spec;
    spec.name = std::string(300, 'x');
    EXPECT_FALSE(node.factory->open(spec));
    const auto first = node.open("v.tdb", kind::volatile_db);
    store_spec again;
    again.name = "v.tdb";
    EXPECT_EQ(node.factory->open(again).error().code, EBUSY);
}

TEST_F(Factory, OpensTheNamesThatUpstreamOpens) {
    node.start();
    for (const std::string& name :
         {std::string(), std::string("."), std::string("a|b c\n"), std::string(250, 'x')}) {
        for (const auto is : {kind::volatile_db, kind::persistent, kind::replicated}) {
            store_spec spec;
            spec.name = name;
            spec.is = is;
            const auto opened = node.factory->open(spec);
            EXPECT_TRUE(opened) << name << ": " << opened.error().what;
        }
    }
}

TEST_F(Factory, NamesEveryDirectoryThatIsMissing) {
    auto settings = node.settings();
    settings.volatile_directory = "/nonexistent/v";
    settings.state_directory = "/nonexistent/s";
    const auto made = tdb_store_factory::create(node.agents, settings);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().what, testing::HasSubstr("/nonexistent/v, /nonexistent/s"));
}

// The keys of opened files never come back, and a file has 100,001 chains: space that only its own
// chain may use again is lost for hours.
TEST_F(Factory, SpaceOfADeletedRecordServesAnyOther) {
    node.start();
    node.factory->set_hash_size(100001);
    const auto store = node.open("v.tdb", kind::volatile_db);
    std::uintmax_t early = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string key = fmt::format("record {}", i);
        ASSERT_TRUE(store->try_lock(view_of(key)));
        ASSERT_TRUE(store->write(view_of(key), raw_value(1, std::string(200, 'x'))));
        ASSERT_TRUE(store->erase(view_of(key)));
        store->unlock(view_of(key));
        if (i == 100) {
            early = std::filesystem::file_size(store->path());
        }
    }
    EXPECT_EQ(std::filesystem::file_size(store->path()), early);
}

TEST_F(Factory, HashSizeOfNewFilesFollowsTheTunable) {
    node.start();
    node.factory->set_hash_size(1009);
    const auto store = node.open("v.tdb", kind::volatile_db);
    std::uint32_t highest = 0;
    for (int i = 0; i < 2000; ++i) {
        highest = std::max(highest, store->chain_of(view_of(std::to_string(i))));
    }
    EXPECT_GT(highest, 500u);
    EXPECT_LT(highest, 1009u);
}

} // namespace
} // namespace ctdb::ctdbd
