// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// mustOpen reads an object of testdata.
func mustOpen(tb testing.TB, name string) *object.Object {
	tb.Helper()
	o, err := object.Open(testutil.ObjectPath(tb, name))
	qt.Assert(tb, qt.IsNil(err))
	return o
}

// checkFault checks what people and scripts see of an error.
func checkFault(tb testing.TB, err error, code int, text, hint string) {
	tb.Helper()
	qt.Assert(tb, qt.ErrorMatches(err, text))
	qt.Check(tb, qt.Matches(fault.Hint(err), hint))
	qt.Check(tb, qt.Equals(fault.Code(err), code))
}

// told is a source that tells what it is given and ends.
type told []container.Event

func (told) Name() string { return "told" }

func (t told) Watch(_ context.Context, emit func(container.Event)) error {
	for _, e := range t {
		emit(e)
	}
	return nil
}
