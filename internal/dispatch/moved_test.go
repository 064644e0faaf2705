// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// What counts is where a field is in the kernel, not in the program's own struct.
func TestFieldsThatTheLoaderMovesAreKnown(t *testing.T) {
	t.Parallel()
	reader, err := loadObject(t, testutil.Object(t, "moved"), "read_cb", false)
	testutil.SkipIfNotSupported(t, err)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(after(t, reader), dispatch.Verdict))

	writer, err := loadObject(t, testutil.Object(t, "moved"), "write_mark", false)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(after(t, writer), dispatch.Fields))
	qt.Assert(t, qt.IsNil(writer.SetLink(loopback, 4242)))
	qt.Check(t, qt.Equals(fieldsAfter(t, writer)["mark"], skbFields()[0].before))
}
