// SPDX-License-Identifier: Apache-2.0

package testutil_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

func TestEveryObjectIsRead(t *testing.T) {
	t.Parallel()

	sources, err := filepath.Glob(filepath.Join(filepath.Dir(testutil.ObjectPath(t, "dropall")), "*.bpf.c"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Not(qt.HasLen(sources, 0)))
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".bpf.c")
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			spec := testutil.Object(t, name)
			qt.Assert(t, qt.Not(qt.HasLen(spec.Programs, 0)))
		})
	}
}
