// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestPackagesSayWhatTheyContain(t *testing.T) {
	t.Parallel()

	for dir := range packages(t) {
		for name := range strings.SplitSeq(dir, "/") {
			if slices.Contains([]string{"pkg", "util", "utils", "common", "types", "helpers"}, name) {
				t.Errorf("%s: %q says nothing about what is in it; name the thing, and put it where it is used", dir, name)
			}
		}
	}
}

// Packages without tests of their own, and what tests them.
func untested() map[string]string {
	return map[string]string{
		"container/containertest":      "is the tests of container/docker and container/netnsdir",
		"internal/testutil/schematest": "is tested by internal/output, whose tests see it accept and refuse",
		"test/e2e/peer":                "runs inside the containers of test/e2e, which fail without it",
	}
}

func TestEveryPackageHasTests(t *testing.T) {
	t.Parallel()

	reasons := untested()
	for dir := range packages(t) {
		tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		qt.Assert(t, qt.IsNil(err))
		if _, excused := reasons[dir]; excused == (len(tests) > 0) {
			t.Errorf("%s: %d test files; a package has tests, or a line in untested() that says what tests it", dir, len(tests))
		}
		delete(reasons, dir)
	}
	qt.Check(t, qt.HasLen(reasons, 0), qt.Commentf("no such packages"))
}

// packages maps each folder of the module to what its files import, tests left out.
func packages(t *testing.T) map[string][]string {
	t.Helper()

	found := map[string][]string{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && file != "." && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		imports, err := importsOf(file)
		dir := filepath.ToSlash(filepath.Dir(file))
		found[dir] = append(found[dir], imports...)
		return err
	})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Not(qt.HasLen(found, 0)))
	return found
}

// skipped says of a folder that it holds no package of this module.
func skipped(name string) bool {
	return name == "testdata" || name == "tools" || name == "bin" || strings.HasPrefix(name, ".")
}

func importsOf(file string) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var imports []string
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imports = append(imports, name)
	}
	return imports, nil
}
