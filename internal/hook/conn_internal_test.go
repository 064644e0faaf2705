// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

// Where answers get lost hooks cannot be found, and so not be detached.
func TestABatchAndItsAnswersFitIntoTheSocket(t *testing.T) {
	t.Parallel()
	c, err := dial(testutil.Netns(t))
	qt.Assert(t, qt.IsNil(err))
	defer func() { qt.Check(t, qt.IsNil(c.nl.Close())) }()
	in, err := c.nl.ReadBuffer()
	qt.Assert(t, qt.IsNil(err))
	out, err := c.nl.WriteBuffer()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(min(in, out) >= batchBytes))
}
