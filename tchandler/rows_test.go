// SPDX-License-Identifier: Apache-2.0

package tchandler_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// rows are the defects of the predecessor, in the order in which they were written
// down, each with the tests that fail where it is had. A test is named by its
// folder, "." for the root.
func rows() [][]string {
	return [][]string{
		1:  {"tchandler TestRow01SecondContainerOnSharedLinks"},
		2:  {"tchandler TestRow02DetachTakesAllLinksOfTheContainer"},
		3:  {"tchandler TestRow03PartOfAContainerIsUndoneAndTheRetryIsReal"},
		4:  {"tchandler TestRow04NewContainerBehindTheNameOfAnOldOne", "tchandler TestRow04RenamedInterfaceStaysAttached", "tchandler TestRow04SameNameIsAnotherInterface", "tchandler TestRow04SameIndexIsAnotherInterface"},
		5:  {"internal/hook TestClsactDetachLeavesWhatReplacedOurs", "internal/hook TestClsactDetachAfterTheQdiscWasMadeAnew"},
		6:  {"internal/hook TestChoosePriority", "internal/hook TestClsactOrderAmongForeignFilters"},
		7:  {"tchandler TestRow07ProgramsOfOthersHideNoPackets", ". TestAFilterBehindAnotherProgramTellsThatItMayBeBlind"},
		8:  {"tchandler TestRow03PartOfAContainerIsUndoneAndTheRetryIsReal", "internal/hook TestClsactIngressQdiscIsInTheWay"},
		9:  {"tchandler TestRow09PeerInAThirdNamespaceIsNotTakenForTheHosts", "internal/linktable TestResolveTellsHomesApart"},
		10: {"tchandler TestRow10ProcessesOfTheHostAreNoContainers"},
		11: {"tchandler TestRow11InterfaceOfAnotherNamespaceIsAnError"},
		12: {"tchandler TestRow12ProgramThatCannotRunIsRefusedByName"},
		13: {"tchandler TestRow13HostNetworkIsAnError"},
		14: {"tchandler TestRow14LinksOfEveryKindAndTime", ". TestEveryLinkOfAContainerIsAttached"},
		15: {}, // See the package's documentation: hooks are on the host end where there is one.
		16: {"tchandler TestRow16VerdictsDecideNothing", "internal/dispatch TestVerdictTable"},
		17: {"tchandler TestRow17MethodsFromManyGoroutinesCloseAmongThem"},
		18: {"tchandler TestRows18To20LinkForAContainerAndForItself"},
		19: {"tchandler TestRows18To20LinkForAContainerAndForItself"},
		20: {"tchandler TestRows18To20LinkForAContainerAndForItself"},
		21: {"internal/hook TestFailedDetachMayBeTriedAgain"},
		22: {"internal/hook TestClsactQdiscWithForeignFilterStays", "internal/hook TestClsactFailedAttachTakesItsQdiscBack"},
		23: {"tchandler TestRow23CloseLeavesNoQdisc", "internal/hook TestClsactQdiscOfAYoungLinkStays"},
		24: {"internal/hook TestKilledProcess", "internal/dispatch TestFilterOfKilledOwnerLetsEverythingPass"},
		25: {"tchandler TestRow04SameNameIsAnotherInterface", "tchandler TestRow25FilterThatSomebodyRemovedIsMadeAgain"},
		26: {"tchandler TestRow26IdentityIsTheContainers", "tchandler TestRow26ContainerStartedAnewIsFollowed"},
		27: {"tchandler TestRow27NamespaceOfADeadContainerIsHeld"},
		28: {"internal/netns TestOpenPIDOfADeadProcess", "internal/netns TestOpenPIDOfAZombie"},
		29: {"internal/linktable TestResolveAllAsksOncePerContainer"},
		30: {"tchandler TestRow30OneProgramForAllLinks"},
		31: {"tchandler TestRow31FileDescriptors"},
		32: {"tchandler TestRow32HostInAnotherNamespaceHasTheHostEnds"},
		33: {"tchandler TestRow33PacketsBeforeTheProgramAreCounted"},
		34: {"internal/dispatch TestFieldsAreAsTheyWere"},
		35: {"internal/dispatch TestNetnsIsInCB0OnEntry", "tchandler TestDirectionIsTheContainersOwn"},
		36: {"tchandler TestRow36CloseIsTheEndAndMayBeRepeated"},
		37: {"tchandler TestRow01SecondContainerOnSharedLinks"}, // was a caller's, as a consequence
		38: {"tchandler TestRow38SeveralHandlersOnOneLink", ". TestReplaceMissesNoPacketAndSeesNoneTwice"},
		39: {"tchandler TestRow42DetachAfterAFailedAttachIsNoError"},
		40: {"tchandler TestRow40DirectionIsCheckedAtOnce"},
		41: {}, // a name inside
		42: {"tchandler TestRow42DetachAfterAFailedAttachIsNoError"},
		43: {"internal/hook TestTagIsReadBack", "internal/hook TestClsactTwoInstancesOnOneLink"},
		44: {"tchandler TestRow44TestsOfTheRowsExist"},
		45: {"tchandler TestRow03PartOfAContainerIsUndoneAndTheRetryIsReal", "tchandler TestRow11InterfaceOfAnotherNamespaceIsAnError"},
	}
}

func TestRow44TestsOfTheRowsExist(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	root := testutil.ModuleRoot(t)
	for _, folder := range []string{".", "tchandler", "internal/dispatch", "internal/hook", "internal/linktable", "internal/netns"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		qt.Assert(t, qt.IsNil(err))
		for _, file := range files {
			source, err := os.ReadFile(file)
			qt.Assert(t, qt.IsNil(err))
			for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
				declared[folder+" "+string(match[1])] = true
			}
		}
	}
	named := map[string]bool{}
	for number, tests := range rows() {
		for _, test := range tests {
			named[test] = true
			qt.Check(t, qt.IsTrue(declared[test]), qt.Commentf("row %d: no such test: %s", number, test))
		}
	}
	for test := range declared {
		if strings.HasPrefix(test, "tchandler TestRow") {
			qt.Check(t, qt.IsTrue(named[test]), qt.Commentf("%s stands for no row", test))
		}
	}
}
