// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/fault"
)

func TestErrorsCarryHintAndCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		make func(hint, format string, args ...any) error
		code int
	}{
		{fault.Failure, fault.CodeFailure},
		{fault.Usage, fault.CodeUsage},
		{fault.NoMatch, fault.CodeNoMatch},
	} {
		err := test.make("try this", "open %s: %w", "web", fs.ErrNotExist)
		qt.Check(t, qt.ErrorMatches(err, "open web: file does not exist"))
		qt.Check(t, qt.ErrorIs(err, fs.ErrNotExist))
		qt.Check(t, qt.Equals(fault.Hint(err), "try this"))
		qt.Check(t, qt.Equals(fault.Code(err), test.code))
	}
}

func TestHintAndCodeAreFoundBelowOtherErrors(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("run: %w", errors.Join(errors.New("other"), fault.NoMatch("ps", "nothing")))
	qt.Check(t, qt.Equals(fault.Hint(err), "ps"))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeNoMatch))
}

func TestTheOuterErrorDecides(t *testing.T) {
	t.Parallel()
	err := fault.Usage("", "flag: %w", fault.NoMatch("ps", "nothing"))
	qt.Check(t, qt.Equals(fault.Hint(err), ""))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeUsage))
}

func TestOtherErrorsAreFailuresWithoutAHint(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.Equals(fault.Code(nil), fault.CodeOK))
	qt.Check(t, qt.Equals(fault.Code(fs.ErrExist), fault.CodeFailure))
	qt.Check(t, qt.Equals(fault.Hint(fs.ErrExist), ""))
	qt.Check(t, qt.Equals(fault.Hint(nil), ""))
}
