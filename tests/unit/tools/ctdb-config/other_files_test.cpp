#include "tests/unit/common/conf/conf_fixture.hpp"
#include "tools/ctdb-config/other_files.hpp"

namespace ctdb::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class OtherFiles : public conf_fixture {
protected:
    [[nodiscard]] std::vector<std::string> found(const config& settings) const {
        std::vector<std::string> all;
        for (const auto& file : config_tool::check_other_files(settings)) {
            for (const diagnostic& d : file.findings) {
                all.push_back(d.text(file.name.substr(where.etc.size() + 1)));
            }
        }
        return all;
    }
};

TEST_F(OtherFiles, EachFindingNamesItsFileAndLine) {
    file("nodes", "10.0.0.1\nnode2\n");
    file("public_addresses", "10.0.2.1/24\n");
    file("ctdb.tunables", "MonitorIntervall=5\n");
    EXPECT_THAT(
        found(config(where)),
        ElementsAre(
            HasSubstr("nodes:2: node 1: \"node2\" is no address"),
            HasSubstr("public_addresses:1: no interface"),
            "ctdb.tunables:1: unknown tunable MonitorIntervall; did you mean MonitorInterval?"
        )
    );
}

TEST_F(OtherFiles, OnlyTheListOfNodesMustExist) {
    EXPECT_THAT(found(config(where)), ElementsAre(HasSubstr("nodes: cannot open")));
    file("nodes", "10.0.0.1\n");
    EXPECT_THAT(found(config(where)), IsEmpty());
}

TEST_F(OtherFiles, TheOwnAddressMustBeInTheList) {
    file("nodes", "10.0.0.1\n#10.0.0.2\n");
    const auto self = read("[cluster]\nnode address = 10.0.0.2\n");
    EXPECT_THAT(
        found(*self.settings), ElementsAre(HasSubstr("node address 10.0.0.2 is not in the list"))
    );
}

TEST_F(OtherFiles, AMachineHasNodesWhenOneIsNotDeleted) {
    EXPECT_FALSE(config_tool::has_nodes(config(where)));
    file("nodes", "\n#10.0.0.1\n");
    EXPECT_FALSE(config_tool::has_nodes(config(where)));
    file("nodes", "#\n10.0.0.1\n");
    EXPECT_TRUE(config_tool::has_nodes(config(where)));
    const auto program = read("[cluster]\nnodes list = !/bin/true\n");
    EXPECT_TRUE(config_tool::has_nodes(*program.settings));
}

} // namespace
} // namespace ctdb::conf
