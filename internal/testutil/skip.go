// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// StrictVariable names the environment variable that turns every skip into a
// failure when it is 1, for machines that are meant to be able to do it all.
const StrictVariable = "BOATHOOK_TEST_STRICT"

// SkipIfNotSupported skips the test if err says that the kernel or the user's
// rights do not allow what was tried. It returns for nil and any other error.
func SkipIfNotSupported(tb testing.TB, err error) {
	tb.Helper()
	lacking := errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) ||
		errors.Is(err, unix.ENOPROTOOPT) || errors.Is(err, ebpf.ErrNotSupported)
	if !lacking {
		return
	}
	if os.Getenv(StrictVariable) == "1" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}
