// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

const module = "github.com/boathook/boathook"

// layer is a group of packages. A package imports from the layers above it in
// the list of layers, never from one below.
type layer struct {
	name string
	// packages by folder; "dir/..." is everything below dir.
	packages []string
	// together: its packages may import each other.
	together bool
	// why packages of this layer import nothing of a later one.
	why string
}

func layers() []layer {
	return []layer{
		{
			"words",
			[]string{"container", "event", "internal/fault"},
			true,
			"everybody speaks in these words, so they depend on nobody and are tested without a kernel",
		},
		{
			"network namespaces",
			[]string{"internal/netns"},
			false,
			"whatever touches the kernel begins with the namespace it does it in",
		},
		{
			"outside things",
			[]string{
				"container/...", "internal/linktable", "internal/hook", "internal/dispatch",
				"internal/kernel", "internal/object",
			},
			false,
			"each knows one thing outside of the process, so that the thing can be replaced and a fault has one place",
		},
		{
			"runtime",
			[]string{"."},
			false,
			"the library puts programs on links; it knows no container runtime and no command line",
		},
		{
			"adapters",
			[]string{"tchandler"},
			false,
			"who switches from another library needs the runtime and nothing else",
		},
		{
			"session",
			[]string{
				"internal/session", "internal/enrich", "internal/output", "internal/output/...",
				"internal/doctor", "internal/inventory",
			},
			true,
			"a session joins control and data for whoever starts one",
		},
		{
			"entry points",
			[]string{"internal/demo", "cmd/..."},
			true,
			"nothing imports what a user starts",
		},
		{
			"tests",
			[]string{"internal/testutil", "internal/testutil/...", "container/containertest", "bench", "bench/...", "test/..."},
			true,
			"what only tests need is not shipped",
		},
	}
}

// reserved is a module of others, or a package of ours, that only some may import.
type reserved struct {
	prefix  string
	allowed []string
	why     string
}

func reservations() []reserved {
	const onePlace = "one thing outside is known in one place, so that it can be replaced there"
	return []reserved{
		{"google.golang.org/grpc", nil, "users of the library do not link gRPC"},
		{"k8s.io", nil, "works without Kubernetes"},
		{"github.com/moby", []string{"container/docker", "internal/testutil/dockertest"}, onePlace},
		{"github.com/docker", []string{"container/docker", "internal/testutil/dockertest"}, onePlace},
		{
			"github.com/mdlayher/netlink",
			[]string{"internal/linktable", "internal/hook", "internal/kernel", "internal/demo", "internal/testutil"},
			onePlace,
		},
		{"github.com/florianl/go-tc", []string{"bench/baseline"}, "only what we are measured against uses it"},
		{"github.com/vishvananda/netlink", nil, "we have github.com/mdlayher/netlink"},
		{"github.com/spf13/cobra", []string{"cmd/..."}, "the library knows no command line"},
		{"github.com/expr-lang/expr", []string{"internal/output/where"}, onePlace},
		{
			module + "/container/",
			[]string{"container/...", "internal/session", "internal/demo", "cmd/...", "test/..."},
			"the runtime takes any container.Source; only who starts a session chooses one",
		},
	}
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()

	faults := map[string]bool{}
	for dir, imports := range packages(t) {
		for _, imported := range imports {
			if fault := judge(dir, imported); fault != "" {
				faults[fault] = true
			}
		}
	}
	for _, fault := range slices.Sorted(maps.Keys(faults)) {
		t.Error(fault)
	}
}

func TestJudgeSeesWrongImports(t *testing.T) {
	t.Parallel()

	for _, wrong := range []struct{ dir, imported string }{
		{"container", module + "/internal/netns"},
		{"internal/hook", module + "/internal/dispatch"},
		{"internal/hook", module},
		{".", module + "/container/docker"},
		{".", module + "/internal/session"},
		{"internal/session", module + "/cmd/boathook"},
		{"event", module + "/internal/testutil"},
		{"event", "k8s.io/api/core/v1"},
		{"container", "github.com/moby/moby/client"},
		{".", "github.com/spf13/cobra"},
		{"internal/nowhere", module},
	} {
		qt.Check(t, qt.Not(qt.Equals(judge(wrong.dir, wrong.imported), "")),
			qt.Commentf("%s imports %s", wrong.dir, wrong.imported))
	}
	qt.Check(t, qt.Equals(judge("cmd/boathook", module+"/container/docker"), ""))
	qt.Check(t, qt.Equals(judge("container/docker", "github.com/moby/moby/client"), ""))
}

func TestLayersNameWhatIsThere(t *testing.T) {
	t.Parallel()

	dirs := slices.Collect(maps.Keys(packages(t)))
	var patterns []string
	for _, l := range layers() {
		patterns = append(patterns, l.packages...)
	}
	for _, r := range reservations() {
		patterns = append(patterns, r.allowed...)
	}
	for _, pattern := range patterns {
		if !slices.ContainsFunc(dirs, func(dir string) bool { return matches([]string{pattern}, dir) }) {
			t.Errorf("%s: no such package", pattern)
		}
	}
}

// judge says what is wrong with an import, nothing if it is right.
func judge(dir, imported string) string {
	for _, r := range reservations() {
		if within(imported, r.prefix) && !matches(r.allowed, dir) {
			return dir + " imports " + imported + ", which only [" + strings.Join(r.allowed, " ") + "] may: " + r.why
		}
	}
	if !within(imported, module) {
		return ""
	}
	target := path.Clean("." + strings.TrimPrefix(imported, module))
	from, to := layerOf(dir), layerOf(target)
	all := layers()
	switch {
	case from < 0:
		return dir + " is in no layer: say in layers_test.go where it belongs"
	case to < 0:
		return target + " is in no layer: say in layers_test.go where it belongs"
	case to > from:
		return dir + " (" + all[from].name + ") imports " + target + " (" + all[to].name + "): " + all[from].why
	case to == from && dir != target && !all[from].together:
		return dir + " imports its neighbour " + target + " (" + all[from].name + "): " + all[from].why
	}
	return ""
}

// layerOf is the index of the folder's layer, -1 if it has none. A folder that
// is named itself is what it is named, whatever a pattern says.
func layerOf(dir string) int {
	exact := func(l layer) bool { return slices.Contains(l.packages, dir) }
	if i := slices.IndexFunc(layers(), exact); i >= 0 {
		return i
	}
	return slices.IndexFunc(layers(), func(l layer) bool { return matches(l.packages, dir) })
}

func matches(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parent, below := strings.CutSuffix(pattern, "/...")
		return dir == pattern || below && strings.HasPrefix(dir, parent+"/")
	})
}

// within says that imported is the package prefix or below it; a prefix that ends
// in a slash stands for what is below it only.
func within(imported, prefix string) bool {
	return imported == prefix || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/")
}
