// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
)

// Object reads testdata/objects/NAME.o of the repository, wherever in it the
// test runs. Each call gives a spec of its own, which the test may change.
func Object(tb testing.TB, name string) *ebpf.CollectionSpec {
	tb.Helper()

	spec, err := ebpf.LoadCollectionSpec(ObjectPath(tb, name))
	if err != nil {
		tb.Fatalf("read object %s: %v", name, err)
	}
	return spec
}

// ObjectPath is the absolute path of testdata/objects/NAME.o.
func ObjectPath(tb testing.TB, name string) string {
	tb.Helper()

	path := filepath.Join(ModuleRoot(tb), "testdata", "objects", name+".o")
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("find object: %v (make generate writes it)", err)
	}
	return path
}

// ModuleRoot is the folder of go.mod, looked for from the folder of the test up:
// test binaries also run on machines that have the repository elsewhere.
func ModuleRoot(tb testing.TB) string {
	tb.Helper()

	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("find module root: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatalf("find module root: no go.mod above the test")
		}
		dir = parent
	}
}
