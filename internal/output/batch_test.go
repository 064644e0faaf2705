// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/output"
)

// room is an output that takes so many bytes, and remembers each call.
type room struct {
	left  int
	calls []string
	err   error
}

func (r *room) Write(p []byte) (int, error) {
	n := min(r.left, len(p))
	r.left -= n
	r.calls = append(r.calls, string(p[:n]))
	if n < len(p) {
		return n, r.err
	}
	return n, nil
}

func batchOf(tb testing.TB, out *room, records ...string) *output.Batch {
	tb.Helper()
	b := output.NewBatch(out)
	for _, record := range records {
		_, err := fmt.Fprintln(b, record)
		qt.Assert(tb, qt.IsNil(err))
		b.End()
	}
	return b
}

func TestABatchIsOneWrite(t *testing.T) {
	t.Parallel()
	out := &room{left: 100}
	b := batchOf(t, out, "one", "two", "three")
	qt.Check(t, qt.HasLen(out.calls, 0))
	qt.Check(t, qt.Equals(b.Len(), 14))
	qt.Check(t, qt.Equals(b.Records(), 3))
	for _, want := range []int{3, 0} {
		records, err := b.Flush()
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(records, want))
	}
	qt.Check(t, qt.DeepEquals(out.calls, []string{"one\ntwo\nthree\n"}))
}

func TestABatchThatCouldNotBeWrittenSaysWhatWas(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for left, want := range []int{0, 0, 0, 0, 1, 1, 1, 1, 2} {
		b := batchOf(t, &room{left: left, err: full}, "one", "two", "three")
		records, err := b.Flush()
		qt.Check(t, qt.ErrorIs(err, full))
		qt.Check(t, qt.Equals(records, want), qt.Commentf("%d bytes", left))
		qt.Check(t, qt.Equals(b.Len(), 0))
	}
}

func TestRecordsOfWhichNothingIsWrittenCount(t *testing.T) {
	t.Parallel()
	out := &room{}
	b := output.NewBatch(out)
	b.End()
	records, err := b.Flush()
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(records, 1))
	qt.Check(t, qt.HasLen(out.calls, 0))
}
