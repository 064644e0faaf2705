// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/testutil"
)

func TestTheTestBinaryHasANetworkNamespaceOfItsOwn(t *testing.T) {
	t.Parallel()
	testutil.Netns(t) // or skip: without the right to make one there is none
	self, err := netns.Self()
	qt.Assert(t, qt.IsNil(err))
	defer self.Close()
	callers, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Not(qt.Equals(callers, fmt.Sprintf("net:[%d]", self.Inode()))))
	testutil.Index(t, self, "prepared0")
}
