// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/testutil"
)

var update = flag.Bool("update", false, "write the golden files of the public packages")

// What a user can import is written down, so that every new export, and every
// change of a promise, is seen in review.
func TestPublicAPI(t *testing.T) {
	const dir = "testdata/api"
	stale := map[string]bool{}
	files, err := filepath.Glob(dir + "/*.txt")
	qt.Assert(t, qt.IsNil(err))
	for _, file := range files {
		stale[file] = true
	}
	for _, pkg := range publicPackages(t) {
		file := filepath.Join(dir, goldenName(pkg))
		delete(stale, file)
		got := goTool(t, "doc", "-all", pkg)
		if *update {
			qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o755)))
			qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte(got), 0o644)))
			continue
		}
		want, err := os.ReadFile(file)
		if !errors.Is(err, os.ErrNotExist) {
			qt.Assert(t, qt.IsNil(err))
		}
		qt.Check(t, qt.DeepEquals(strings.Split(got, "\n"), strings.Split(string(want), "\n")),
			qt.Commentf("%s is not as in %s; if that is meant: go test -run TestPublicAPI -update .", pkg, file))
	}
	for file := range stale {
		if !*update {
			t.Errorf("%s: no such package; go test -run TestPublicAPI -update .", file)
			continue
		}
		qt.Check(t, qt.IsNil(os.Remove(file)))
	}
}

// publicPackages are those that a user can import and is meant to.
func publicPackages(t *testing.T) []string {
	t.Helper()
	var public []string
	for line := range strings.Lines(goTool(t, "list", "-f", "{{.Name}} {{len .GoFiles}} {{.ImportPath}}", "./...")) {
		fields := strings.Fields(line)
		name, files, pkg := fields[0], fields[1], fields[2]
		below := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		first, _, _ := strings.Cut(below, "/")
		switch first {
		case "internal", "bench", "test":
			continue
		}
		if name != "main" && files != "0" {
			public = append(public, pkg)
		}
	}
	qt.Assert(t, qt.SliceContains(public, module))
	return public
}

// goldenName is the package's path, with dashes, behind the module's own name.
func goldenName(pkg string) string {
	below := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
	if below == "" {
		return "boathook.txt"
	}
	return strings.ReplaceAll(below, "/", "-") + ".txt"
}

// goTool runs the go command, which machines that only run tests may not have.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	_, err := exec.LookPath("go")
	if err != nil {
		testutil.SkipIfNotSupported(t, errors.Join(err, errors.ErrUnsupported))
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	qt.Assert(t, qt.IsNil(err))
	return string(out)
}
