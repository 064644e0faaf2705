// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// writerSource is the object that writes every field.
func writerSource(tb testing.TB) *dispatch.Source {
	tb.Helper()
	source, err := dispatch.NewSource(testutil.Object(tb, "ctxwrite"), []string{"write_context"}, dispatch.SourceOptions{})
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(source.Close())) })
	return source
}

func prepare(tb testing.TB, load *dispatch.Load, source *dispatch.Source, name string) *dispatch.Swap {
	tb.Helper()
	swap, err := load.Prepare(source, name)
	qt.Assert(tb, qt.IsNil(err))
	return swap
}

// A load saves the fields only as long as a program that may store to them can
// run. That must hold from before such a program comes until after it is gone.
func TestFieldsAreRestoredWhileAWriterMayRun(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(0), dispatch.LoadOptions{})
	qt.Assert(t, qt.IsNil(load.SetLink(loopback, 4242)))
	qt.Check(t, qt.IsFalse(load.Restoring()))

	swap := prepare(t, load, writerSource(t), "write_context")
	qt.Check(t, qt.IsTrue(load.Restoring()), qt.Commentf("before it runs"))
	qt.Assert(t, qt.IsNil(swap.Commit()))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.IsTrue(load.Restoring()))
	for _, f := range skbFields() {
		qt.Check(t, qt.Equals(fieldsAfter(t, load)[f.name], f.before), qt.Commentf(f.name))
	}

	swap = prepare(t, load, newSource(t, returning(0), dispatch.SourceOptions{}), "prog")
	qt.Assert(t, qt.IsNil(swap.Commit()))
	qt.Check(t, qt.IsTrue(load.Restoring()), qt.Commentf("a packet may still be in it"))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.IsFalse(load.Restoring()))
}

func TestFieldsAreLeftAloneOnceAWriterIsGivenUp(t *testing.T) {
	t.Parallel()
	load := newLoad(t, returning(0), dispatch.LoadOptions{})
	swap := prepare(t, load, writerSource(t), "write_context")
	qt.Assert(t, qt.IsNil(swap.Commit()))
	qt.Assert(t, qt.IsNil(swap.Revert()))
	qt.Check(t, qt.IsTrue(load.Restoring()))
	qt.Assert(t, qt.IsNil(dispatch.Retire([]*dispatch.Swap{swap})))
	qt.Check(t, qt.IsFalse(load.Restoring()))
}

func TestWhatTheUserWantsWrittenIsNotRestored(t *testing.T) {
	t.Parallel()
	load := ctxwrite(t, dispatch.LoadOptions{AllowWrites: true})
	qt.Check(t, qt.IsFalse(load.Restoring()))
}
